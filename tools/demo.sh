#!/usr/bin/env bash
# npm run demo: set-up, then the demonstration; npm run demo -- --down takes it away (and then needs no set-up).
set -euo pipefail
cd "$(dirname "$0")/.."
case " $* " in
  *' --down '* | *' --help '* | *' -h '*) [ -x node_modules/.bin/node ] || bash tools/setup.sh ;;
  *) bash tools/setup.sh ;;
esac
PATH="$PWD/node_modules/.bin:$PATH:$PWD/.cache/bin:/usr/sbin:/sbin" exec node --disable-warning=ExperimentalWarning tools/demo.ts "$@"
