import { randomInt } from 'node:crypto';

const adjectives =
  'agile airy amber ample apt azure balmy blithe bold brave breezy bright brisk calm candid cheery civil clear clever coastal cosy crisp curious daring deft eager earnest elegant fair fearless festive fleet fond frank fresh gallant gentle gifted gleaming golden graceful grand hardy hearty honest humble jaunty jolly jovial keen kind leafy lively lofty loyal lucid lucky mellow merry mild mindful modest neat nimble noble patient placid plucky polite proud quick quiet radiant ready robust rustic sage serene sharp silent sincere sleek smooth snug solid spry steady stellar sturdy sunny swift tender thrifty tidy tranquil trusty upbeat valiant vivid warm wise witty zesty'.split(
    ' ',
  );
const scientists =
  'abel agnesi ampere archimedes avogadro babbage bardeen bell bernoulli bohr boole borlaug bose brahe carson cassini cauchy cavendish celsius chandrasekhar clarke copernicus coulomb curie cuvier dalton darwin descartes diesel dijkstra dirac doppler edison einstein elion erdos euclid euler faraday fermat fermi feynman fleming fourier franklin galileo galois gauss germain goodall haber hamilton hawking heisenberg herschel hertz hilbert hodgkin hooke hopper hubble humboldt huygens hypatia joule kelvin kepler knuth kovalevskaya lagrange lamarr laplace lavoisier leavitt leibniz linnaeus lovelace mach maxwell mcclintock meitner mendel mendeleev mirzakhani morse newton nightingale nobel noether ohm pascal pasteur pauling planck poincare ptolemy pythagoras ramanujan riemann rutherford sagan shannon snell tesla thales torvalds turing vaughan volta watt weierstrass wiles wozniak wu yalow'.split(
    ' ',
  );

/** `brave_curie`: free of what is taken; digits are added once the pairs get rare. */
export function generateName(isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const suffix = attempt < 6 ? '' : String(randomInt(10 ** Math.min(9, attempt - 5)));
    const name = `${adjectives[randomInt(adjectives.length)]}_${scientists[randomInt(scientists.length)]}${suffix}`;
    if (!isTaken(name)) return name;
  }
}

/** Docker's rule for the names of containers and volumes. */
export function isValidName(name: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name);
}
