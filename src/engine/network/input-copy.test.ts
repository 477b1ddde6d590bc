import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyInput } from './input-copy.ts';

const saved = (policy: string, chains: readonly string[], ...rules: string[]): string =>
  ['*nat', ':INPUT ACCEPT [0:0]', 'COMMIT', '*filter', `:INPUT ${policy} [0:0]`, ':FORWARD ACCEPT [0:0]']
    .concat(
      chains.map((chain) => `:${chain} - [0:0]`),
      rules,
      'COMMIT',
      '',
    )
    .join('\n');
const rulesOf = (policy: string, ...rules: string[]): readonly string[] => copyInput(saved(policy, [], ...rules)).chains[0]?.rules ?? [];

test('a host without rules lets in what its policy says', () => {
  assert.deepEqual(rulesOf('ACCEPT'), ['-A DAVIT-INPUT -j ACCEPT']);
  assert.deepEqual(rulesOf('DROP'), ['-A DAVIT-INPUT -j DROP']);
  assert.deepEqual(copyInput('').chains, [{ name: 'DAVIT-INPUT', rules: ['-A DAVIT-INPUT -j ACCEPT'] }]);
});

test('ports and addresses are those that the client asked for', () => {
  assert.deepEqual(
    rulesOf(
      'DROP',
      '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 8080:8090 -m comment --comment "a b -d c" -j ACCEPT',
      '-A INPUT -d 192.0.2.1/32 -i eth0 -p udp -m udp ! --dport 53 -j DROP',
    ),
    [
      '-A DAVIT-INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A DAVIT-INPUT -s 10.0.0.0/8 -p tcp -m tcp -m conntrack --ctorigdstport 8080:8090 -m comment --comment "a b -d c" -j ACCEPT',
      '-A DAVIT-INPUT -m conntrack --ctorigdst 192.0.2.1/32 -i eth0 -p udp -m udp -m conntrack ! --ctorigdstport 53 -j DROP',
      '-A DAVIT-INPUT -j DROP',
    ],
  );
});

test('several ports become several rules', () => {
  assert.deepEqual(rulesOf('DROP', '-A INPUT -p tcp -m multiport --dports 80,443,6000:6007 -j ACCEPT'), [
    '-A DAVIT-INPUT -p tcp -m conntrack --ctorigdstport 80 -j ACCEPT',
    '-A DAVIT-INPUT -p tcp -m conntrack --ctorigdstport 443 -j ACCEPT',
    '-A DAVIT-INPUT -p tcp -m conntrack --ctorigdstport 6000:6007 -j ACCEPT',
    '-A DAVIT-INPUT -j DROP',
  ]);
});

test('chains that are jumped to are copied, each once, and nobody else’s', () => {
  const { chains } = copyInput(
    saved(
      'DROP',
      ['ufw-before-input', 'ufw-user-input', 'ufw-not-local', 'DOCKER'],
      '-A INPUT -j ufw-before-input',
      '-A INPUT -g ufw-user-input',
      '-A ufw-before-input -j ufw-not-local',
      '-A ufw-before-input -j ufw-user-input',
      '-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN',
      '-A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN',
      '-A ufw-not-local -j DROP',
      '-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT',
      '-A DOCKER -j ACCEPT',
    ),
  );
  assert.deepEqual(chains, [
    { name: 'DAVIT-INPUT', rules: ['-A DAVIT-INPUT -j DAVIT-INPUT-1', '-A DAVIT-INPUT -g DAVIT-INPUT-2', '-A DAVIT-INPUT -j DROP'] },
    { name: 'DAVIT-INPUT-1', rules: ['-A DAVIT-INPUT-1 -j DAVIT-INPUT-3', '-A DAVIT-INPUT-1 -j DAVIT-INPUT-2'] },
    { name: 'DAVIT-INPUT-2', rules: ['-A DAVIT-INPUT-2 -p tcp -m tcp -m conntrack --ctorigdstport 22 -j ACCEPT'] },
    { name: 'DAVIT-INPUT-3', rules: ['-A DAVIT-INPUT-3 -j RETURN', '-A DAVIT-INPUT-3 -j DROP'] },
  ]);
});

test('what cannot be said anew lets nobody in', () => {
  assert.deepEqual(
    rulesOf(
      'ACCEPT',
      '-A INPUT -p tcp -m multiport ! --dports 80,443 -j ACCEPT',
      '-A INPUT -s 10.1.0.0/16 -m set --match-set closed dst -j DROP',
      '-A INPUT -m addrtype ! --dst-type LOCAL -j DROP',
    ),
    ['-A DAVIT-INPUT -s 10.1.0.0/16 -j DROP', '-A DAVIT-INPUT -j ACCEPT'],
  );
});
