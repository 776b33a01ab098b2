#!/bin/sh
# Starts a tool of the rule set with fixed arguments, then whatever else was given.
runfiles=${RUNFILES_DIR:-$0.runfiles}
if [ ! -d "$runfiles" ]; then
    echo "$0: there is no folder $runfiles beside it: build with --enable_runfiles, or start it by 'bazel run'." >&2
    exit 1
fi
export RUNFILES_DIR="$runfiles"
exec "$runfiles"/@TOOL@ @ARGUMENTS@ "$@"
