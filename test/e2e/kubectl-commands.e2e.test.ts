/** Every command of kubectl that needs no node, in both versions, and helm, against a live API server without a cluster behind it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { createAuthority } from '../../src/daemon/pki.ts';
import { kubeconfigOf, liveServer, type LiveServer } from '../../src/kubernetes/apiserver/live.fake.ts';
import { eventually } from '../support/eventually.ts';

const bin = join(import.meta.dirname, '../../.cache/bin');
const clients = [join(bin, 'kubectl-1.35'), '/usr/bin/kubectl'].filter((path) => existsSync(path));
const helm = join(bin, 'helm');
let live: LiveServer;
let folder = '';
before(async () => {
  live = await liveServer();
  folder = mkdtempSync(join(tmpdir(), 'davit-commands-'));
  writeFileSync(join(folder, 'config'), kubeconfigOf(live));
  const { cert, key } = await createAuthority('tls');
  writeFileSync(join(folder, 'tls.crt'), cert);
  writeFileSync(join(folder, 'tls.key'), key);
  writeFileSync(join(folder, 'two.yaml'), twoMaps);
  writeFileSync(join(folder, 'rbac.yaml'), reconciled);
  mkdirSync(join(folder, 'kust'));
  writeFileSync(join(folder, 'kust/kustomization.yaml'), 'configMapGenerator: [{name: gen, literals: [a=b]}]\n');
  writeChart();
});
after(async () => {
  await live[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const twoMaps = `
apiVersion: v1
kind: ConfigMap
metadata: {name: c1, labels: {app: x}}
data: {a: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c2, labels: {app: x}}
data: {a: c}
`;
const reconciled = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reconciled}
rules: [{apiGroups: [""], resources: [secrets], verbs: [get]}]
`;

/** Output and errors together, as a person sees them. Arguments are split at blanks; a tilde stands for one inside an argument. */
function run(program: string, line: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const env = { PATH: process.env['PATH'], HOME: folder, KUBECONFIG: join(folder, 'config'), KUBE_EDITOR: 'sed -i s/edit-me/edited/' };
  const args = line.split(' ').map((one) => one.replaceAll('~', ' '));
  const child = spawn(program, args, { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.on('error', reject);
  child.on('close', () => resolve(text.trim()));
  return promise;
}

type Rows = readonly (readonly [line: string, answer: RegExp])[];

/** Each makes something of its own: they run at once. */
const creations: Rows = [
  ['create role r --verb=get,list --resource=pods,deployments.apps', /^role.*\/r created$/],
  ['create clusterrole NS-cr --verb=get --non-resource-url=/x', /created$/],
  ['create rolebinding rb --role=r --user=joe --serviceaccount=NS:default', /^rolebinding.*\/rb created$/],
  ['create clusterrolebinding NS-crb --clusterrole=view --group=g', /created$/],
  ['create quota q --hard=pods=10,count/jobs.batch=3', /^resourcequota\/q created$/],
  ['create ingress i --rule=foo.com/bar*=svc:80,tls=cert --class=nginx', /^ingress.networking.k8s.io\/i created$/],
  ['create job j --image=busybox -- date', /^job.batch\/j created$/],
  ['create cronjob cj --image=busybox --schedule=*/5~*~*~*~* -- date', /^cronjob.batch\/cj created$/],
  ['create pdb p --selector=a=b --min-available=1', /created$/],
  ['create priorityclass NS-pc --value=100 --description=x', /created$/],
  ['create service nodeport np --tcp=80:80', /^service\/np created$/],
  ['create service externalname en --external-name=a.b', /^service\/en created$/],
  ['create service loadbalancer lb --tcp=80', /^service\/lb created$/],
  ['create serviceaccount sa', /^serviceaccount\/sa created$/],
  ['create secret docker-registry dr --docker-username=a --docker-password=b --docker-server=c', /^secret\/dr created$/],
  ['create secret tls t --cert=tls.crt --key=tls.key', /^secret\/t created$/],
  ['create deployment d --image=nginx --replicas=2', /^deployment.apps\/d created$/],
  ['create configmap e --from-literal=a=edit-me', /^configmap\/e created$/],
  ['run p --image=busybox --restart=Never', /^pod\/p created$/],
  ['diff -f two.yaml', /\+kind: ConfigMap/],
];

/** In their order. */
const changes: Rows = [
  ['create token sa --duration=10m', /^eyJ/],
  ['autoscale deployment d --max=5 --cpu-percent=50', /horizontalpodautoscaler.autoscaling\/d autoscaled$/],
  ['expose deployment d --port=80', /^service\/d exposed$/],
  ['set env deploy/d A=B', /env updated$/],
  ['set resources deploy/d --limits=cpu=1', /resource requirements updated$/],
  ['set serviceaccount deploy/d sa', /serviceaccount updated$/],
  ['set selector svc/np a=b', /selector updated$/],
  ['set subject rolebinding/rb --user=ann', /subjects updated$/],
  ['rollout pause deploy/d', /paused$/],
  ['rollout resume deploy/d', /resumed$/],
  ['rollout history deploy/d', /No rollout history found/],
  ['auth reconcile -f rbac.yaml', /^clusterrole.rbac.authorization.k8s.io\/reconciled (reconciled|unchanged)/],
  ['apply -f two.yaml', /configmap\/c1 created\nconfigmap\/c2 created/],
  ['apply view-last-applied cm/c2', /a: c/],
  ['apply --server-side --force-conflicts -f two.yaml', /c1 serverside-applied/],
  ['apply -f two.yaml --prune -l app=x', /configmap\/c1 unchanged/],
  ['replace -f two.yaml', /configmap\/c1 replaced/],
  ['patch cm c1 -p {"data":{"z":"1"}}', /patched$/],
  ['patch cm c1 --type=json -p [{"op":"add","path":"/data/y","value":"2"}]', /patched$/],
  ['patch cm c1 --type=merge -p {"data":{"z":null}}', /patched$/],
  ['annotate cm c1 a=b', /annotated$/],
  ['label cm c1 l=m', /labeled$/],
  ['wait --for=jsonpath={.data.y}=2 cm/c1 --timeout=5s', /condition met$/],
  ['wait --for=create cm/c1 --timeout=5s', /condition met$/],
  ['edit cm e', /^configmap\/e edited$/],
  ['apply -k kust', /^configmap\/gen-\w+ created$/],
  ['debug p --image=busybox --target=p --profile=general', /Defaulting debug container name to debugger-|Targeting container "p"/],
];

const readings: Rows = [
  ['get all', /service\/np[\s\S]*deployment.apps\/d[\s\S]*job.batch\/j/],
  [
    'get roles,rolebindings,quota,ing,jobs,cj,pdb,hpa -o wide',
    /NAME +ROLE +AGE +USERS +GROUPS +SERVICEACCOUNTS[\s\S]*CLASS +HOSTS +ADDRESS +PORTS +AGE\n.*foo\.com +80, 443/,
  ],
  ['get clusterroles view -o yaml', /aggregate-to-view: "true"[\s\S]*- configmaps/],
  ['get cm -o name', /configmap\/c1\nconfigmap\/c2/],
  ['get cm c1 -o go-template={{.data}}', /map\[a:b y:2\]/],
  ['get cm --sort-by=.metadata.name -o custom-columns=N:.metadata.name', /^N\nc1\nc2\n/],
  ['get cm c1 --show-managed-fields -o json', /"managedFields"[\s\S]*"f:data"/],
  ['get cm --chunk-size=1 -o name', /configmap\/c1\nconfigmap\/c2/],
  ['get cm --field-selector=metadata.name=c2 -o name', /^configmap\/c2$/],
  ['get events.events.k8s.io', /No resources found/],
  ['get crd', /No resources found/],
  ['get componentstatuses', /\netcd-0 +Healthy +ok/],
  ['get pods p -o jsonpath={.spec.ephemeralContainers[0].image}', /^busybox$/],
  ['get --raw /readyz?verbose', /\[\+\]ping ok\n[\s\S]*readyz check passed/],
  ['get --raw /metrics', /apiserver_request_total\{/],
  ['auth can-i --list', /\*\.\* +\[\] +\[\] +\[\*\]/],
  ['auth can-i list pods --as ann', /^yes$/],
  ['auth can-i get nodes --as ann', /no$/],
  ['auth whoami', /kubernetes-admin/],
  ['api-resources', /limitranges +limits +v1 +true +LimitRange/],
  ['api-versions', /^rbac.authorization.k8s.io\/v1$/m],
  ['cluster-info', /Kubernetes control plane is running at https/],
  ['version', /Server Version: v1\.35/],
  ['explain crd.spec.versions', /FIELDS:[\s\S]*storage\t<boolean> -required-/],
  ['explain deployment --recursive', /FIELDS:[\s\S]*rollingUpdate\t<RollingUpdateDeployment>/],
  ['events', /No events found/],
  ['describe deploy d', /Replicas: +2 desired/],
  ['describe svc d', /Selector: +app=d/],
  ['describe ing i', /foo\.com/],
  ['describe quota q', /count\/jobs.batch +1 +3/],
  ['describe role r', /pods +\[\] +\[\] +\[get list\]/],
  ['describe sa sa', /Image pull secrets/],
  ['describe pdb p', /Min available: +1/],
  ['describe cj cj', /Schedule: +\*\/5/],
  ['describe hpa d', /Max replicas: +5/],
  ['describe ns NS', /Resource Quotas/],
  ['describe pod p', /Status: +Pending/],
  ['describe secret t', /kubernetes.io\/tls/],
  ['kustomize kust', /name: gen-/],
  ['wait --for=delete cm/nope --timeout=5s', /^$/],
  ['certificate approve nope', /"nope" not found/],
  ['top pods', /Metrics API not available/],
  ['run p2 --image=busybox --dry-run=server -o yaml', /uid: /],
  ['diff -f two.yaml', /^$/],
];

const removals: Rows = [
  ['delete cm --all', /"c1" deleted/],
  ['delete pod p --now', /pod "p" deleted/],
  ['delete deploy,svc,hpa d', /"d" deleted/],
  ['delete clusterrole NS-cr', /deleted/],
  ['delete ns NS --wait=false', /namespace "NS" deleted/],
];

for (const client of clients) {
  const namespace = basename(client).replaceAll(/[^a-z0-9]/g, '');
  const check = async ([line, answer]: Rows[number]): Promise<void> => {
    const text = await run(client, `-n ${namespace} ${line.replaceAll('NS', namespace)}`);
    assert.match(text, new RegExp(answer.source.replaceAll('NS', namespace), answer.flags), line);
  };
  const together = async (rows: Rows): Promise<void> => {
    for (let index = 0; index < rows.length; index += 4) await Promise.all(rows.slice(index, index + 4).map(check));
  };
  test(`${basename(client)}: create, change, read and remove`, async () => {
    assert.match(await run(client, `create namespace ${namespace}`), /created$/);
    await together(creations);
    for (const row of changes) await check(row);
    await together(readings);
    for (const row of removals) await check(row);
  });
}

function writeChart(): void {
  const chart = join(folder, 'chart');
  mkdirSync(join(chart, 'templates'), { recursive: true });
  mkdirSync(join(chart, 'crds'));
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: demo\nversion: 0.1.0\n');
  writeFileSync(join(chart, 'values.yaml'), 'replicas: 1\nport: 80\n');
  const schema = '{type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}';
  writeFileSync(
    join(chart, 'crds/widgets.yaml'),
    `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.demo.example.com}
spec:
  group: demo.example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: ${schema}}}]
`,
  );
  const map = (name: string, more: string): string =>
    `---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-${name}\n${more}\n`;
  const hook = (when: string): string => `  annotations: {"helm.sh/hook": "${when}", "helm.sh/hook-delete-policy": before-hook-creation}`;
  writeFileSync(
    join(chart, 'templates/all.yaml'),
    [
      map('config', 'data: {size: "{{ .Values.replicas }}", found: "{{ (lookup "v1" "Namespace" "" "default").metadata.name }}"}'),
      map('hook', hook('pre-install,pre-upgrade')),
      map('test', hook('test')),
      '---\napiVersion: demo.example.com/v1\nkind: Widget\nmetadata: {name: {{ .Release.Name }}}\nspec: {size: {{ .Values.replicas }}}\n',
      '---\napiVersion: v1\nkind: Service\nmetadata: {name: {{ .Release.Name }}}\nspec: {ports: [{port: {{ .Values.port }}}]}\n',
    ].join(''),
  );
}

test('helm: install, upgrade, roll back, test, uninstall, with definitions, hooks and lookups', async () => {
  const size = (): Promise<string> => run(clients[0] ?? 'kubectl', 'get widget,cm -o jsonpath={.items[*].spec.size},{.items[*].data}');
  assert.match(await run(helm, 'install r chart'), /STATUS: deployed/);
  assert.match(await size(), /^1,.*"found":"default"/);
  assert.match(await run(helm, 'upgrade r chart --set replicas=3'), /has been upgraded/);
  assert.match(await size(), /^3,/);
  const failed = await run(helm, 'upgrade r chart --atomic --set port=0,replicas=4');
  assert.match(failed, /rolled back due to rollback-on-failure[\s\S]*spec\.ports\[0\]\.port: Invalid value: 0/);
  assert.match(await size(), /^3,/);
  assert.match(await run(helm, 'rollback r 1'), /Rollback was a success/);
  assert.match(await size(), /^1,/);
  assert.match(await run(helm, 'test r'), /TEST SUITE: +r-test[\s\S]*Phase: +Succeeded/);
  assert.match(await run(helm, 'history r'), /Rollback to 1/);
  assert.match(await run(helm, 'list'), /r +\tdefault/);
  assert.match(await run(helm, 'uninstall r'), /uninstalled/);
  await eventually(async () => assert.doesNotMatch(await size(), /^\d/), { withinMs: 2000 });
});
