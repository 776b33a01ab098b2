"""Executables that start a tool of the rule set with arguments of their own."""

load(":first_party.bzl", "runfiles_path")

def quoted(text):
    """A text as one word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"

def place(ctx, file):
    """A file as a word of run.sh.tpl: below the runfiles."""
    return '"$runfiles"/' + quoted(runfiles_path(ctx, file))

def tool_runner(ctx, tool, words):
    """Declares the executable of a rule: a script that starts `tool` (a target) with `words` (of a shell)."""
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.expand_template(
        template = ctx.file._run,
        output = script,
        is_executable = True,
        substitutions = {
            "@ARGUMENTS@": " ".join(words),
            "@TOOL@": quoted(runfiles_path(ctx, tool[DefaultInfo].files_to_run.executable)),
        },
    )
    return script

RUN_TEMPLATE = {"_run": attr.label(default = Label("//private:run.sh.tpl"), allow_single_file = True)}
