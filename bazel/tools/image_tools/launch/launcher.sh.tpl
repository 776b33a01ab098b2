#!/bin/sh
# Starts the push of a program's images and, beside it, the program: `bazel run //examples/digits:main`.
#
# A rule expands this template. Every value is one word, quoted for the shell by the rule ('it'\''s'), and stands here
# by its name between two @:
#   TARGET   the label that a user types: '//examples/digits:main'
#   PLAN     runfiles path of push.json, PUSHER of the push program; the runfiles of both are the target's own
#   PROGRAM  runfiles path of the program; '' for a target that only pushes
#   IMAGES   a line for each image, of which the first is the default:
#            sematic_image 'default' 'registry:5000/team/app' '_main/examples/digits/main.digest'
#
# The program takes this process over, so that arguments, stdin, working directory, signals and exit code are its own.
# Its environment is as it was, with SEMATIC_CONTAINER_IMAGE, SEMATIC_PUSH and SEMATIC_PIPELINE_TARGET. All that is
# set here is called sematic_…: the environment may hold any other name already, and would be changed by it.

sematic_target=@TARGET@
sematic_plan=@PLAN@
sematic_pusher=@PUSHER@
sematic_program=@PROGRAM@

sematic_say() {
    printf '%s: %s\n' "$sematic_target" "$1" >&2
}

sematic_fail() {
    sematic_say "$1"
    exit 1
}

sematic_try() {
    [ -e "$1/$sematic_plan" ] && sematic_runfiles=$1
}

sematic_follow() {
    sematic_link=$(readlink "$sematic_self") || return 1
    case $sematic_link in
    /*) sematic_self=$sematic_link ;;
    *) sematic_self=${sematic_self%"${sematic_self##*/}"}$sematic_link ;;
    esac
}

# Our own runfiles come before $RUNFILES_DIR, which may be those of whoever started us.
sematic_find() {
    sematic_self=$0
    while ! sematic_try "$sematic_self.runfiles"; do
        case $sematic_self in
        *.runfiles/*) sematic_try "${sematic_self%.runfiles/*}.runfiles" && return ;;
        esac
        [ -L "$sematic_self" ] && sematic_follow && continue
        sematic_try "${RUNFILES_DIR:-/nowhere}" && return
        [ -z "${RUNFILES_MANIFEST_FILE-}" ] ||
            sematic_fail "there is only a manifest of its runfiles: build it with --build_runfile_links --enable_runfiles"
        sematic_fail "its runfiles are not at $0.runfiles: run it with \`bazel run $sematic_target\`"
    done
}

# A digest is read by the shell itself: a process would cost more than all the rest.
sematic_image() {
    sematic_digest=
    { IFS= read -r sematic_digest <"$sematic_runfiles/$3"; } 2>/dev/null
    case $sematic_digest in
    sha256:*) ;;
    *) sematic_fail "$sematic_runfiles/$3 holds no digest of an image: build it again" ;;
    esac
    sematic_images="$sematic_images${sematic_images:+ }$1=$2@$sematic_digest"
}

sematic_read_images() {
    sematic_images=
@IMAGES@
    case $sematic_images in
    *' '*) SEMATIC_CONTAINER_IMAGE=$sematic_images ;;
    *) SEMATIC_CONTAINER_IMAGE=${sematic_images#default=} ;;
    esac
}

# Makes the file through which the program follows the push.
sematic_make_state() {
    case ${XDG_CACHE_HOME-} in
    /*) sematic_folder=$XDG_CACHE_HOME/sematic/push ;;
    *) sematic_folder=${HOME-}/.cache/sematic/push ;;
    esac
    [ -d "$sematic_folder" ] || mkdir -p "$sematic_folder" 2>/dev/null
    SEMATIC_PUSH=$sematic_folder/$$
    { true >"$SEMATIC_PUSH"; } 2>/dev/null
}

# Twice forked, the push is nobody's child here: the program may wait for all of its own. Its standard output is not
# the program's, which a pipe may be waiting to see the end of.
sematic_push() {
    ("$sematic_runfiles/$sematic_pusher" --plan "$sematic_runfiles/$sematic_plan" --runfiles "$sematic_runfiles" \
        --program "$$" --state "$SEMATIC_PUSH" </dev/null >/dev/null &)
}

sematic_find
if [ -z "$sematic_program" ]; then
    exec "$sematic_runfiles/$sematic_pusher" --plan "$sematic_runfiles/$sematic_plan" --runfiles "$sematic_runfiles" "$@"
fi
sematic_read_images
SEMATIC_PIPELINE_TARGET=$sematic_target
export SEMATIC_CONTAINER_IMAGE SEMATIC_PIPELINE_TARGET
if sematic_make_state; then
    export SEMATIC_PUSH
    sematic_push
else
    sematic_say "$SEMATIC_PUSH cannot be written, so the image is not pushed: set XDG_CACHE_HOME to a folder of yours.\
 The program goes on; submitting remote jobs will fail."
    unset SEMATIC_PUSH
fi
exec "$sematic_runfiles/$sematic_program" "$@"
