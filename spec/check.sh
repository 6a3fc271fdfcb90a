#!/bin/sh
# Checks the models with Spin: no assertion fails, nobody waits for ever, and
# every order of events was tried.
set -eu
cd "$(dirname "$0")"
for tool in spin cc; do
	command -v $tool >/dev/null || { echo "spec: $tool is not installed (Debian: apt-get install spin gcc)" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

check() { # name, model, definitions
	name=$1 model=$2
	shift 2
	cp "$model" "$work/model.pml"
	(
		cd "$work"
		spin -a "$@" model.pml >spin.out || { cat spin.out; exit 1; }
		cc -w -O2 -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -o pan pan.c
		./pan -m1000000 -w24 >pan.out
		if ! grep -q 'errors: 0' pan.out || grep -q -E 'error: max search depth|out of memory|aborting' pan.out; then
			cat pan.out
			[ ! -f model.pml.trail ] || spin -t -p "$@" model.pml | tail -60
			echo "spec: $name: FAILED" >&2
			exit 1
		fi
		echo "spec: $name: $(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1 states/p' pan.out), errors 0"
	)
}

check 'credit' credit.pml
check 'alignment, aligned' alignment.pml -DMODE=0
check 'alignment, overtaking' alignment.pml -DMODE=1 -DFIRST=2 -DSECOND=1
check 'alignment, at least once' alignment.pml -DMODE=2
