"""The macro that BUILD files call."""

load("@rules_python//python:defs.bzl", "py_binary")
load(":base_images.bzl", "base_label")
load(":contents.bzl", "image_contents")
load(":explain.bzl", "image_explain")
load(":image.bzl", "sematic_image")
load(":launch.bzl", "launch")
load(":names.bzl", "DEFAULT", "bases_problem", "image_name", "names_problem", "target_names")
load(":parity.bzl", "parity_test")
load(":program.bzl", "image_program")

# A program that is started from inside another's `:main` has not got that one's image.
_WITHOUT_IMAGE = {"SEMATIC_CONTAINER_IMAGE": "", "SEMATIC_PUSH": ""}

def sematic_pipeline(
        name,
        deps = [],
        registry = "",
        repository = "",
        base = None,
        env = {},
        data = [],
        bases = {},
        image_layers = [],
        imports = [],
        main = None,
        insecure = None,
        platform = None,
        test_args = None,
        local_env = {},
        image_tags = [],
        tags = [],
        visibility = None,
        testonly = None,
        target_compatible_with = None,
        exec_properties = None,
        **kwargs):
    """A pipeline: a program that runs here, and the image that its remote jobs run from.

    Makes, for `name = "main"`:

    - `:main`, which pushes the image while the program runs: `bazel run //pkg:main -- --its --arguments`;
    - `:main_local`, the program alone;
    - `:main_image`, the image (for each further base `:main_image_<tag>`); `:main_push`, which only pushes;
    - `:main_image_explain`, which prints what is in the image and why;
    - `:main_test`, which fails for what would only fail remotely.

    Args:
      name: of the pipeline. The entry point is `<name>.py`, unless `main` says otherwise.
      deps: Python libraries, as for py_binary.
      registry: where images go: `host[:port]`, perhaps with a folder. `--@rules_sematic//:registry=…` goes before it.
      repository: the images' name in the registry.
      base: what the image is built on: an `image@digest` that `base_images()` declared, or a label of one of its
        images, of an OCI layout folder, or of a docker archive. Without one, the default of `base_images()`.
      env: environment variables of the image.
      data: files that the program reads, as for py_binary.
      bases: further bases, tag → base, for functions that ask for one by `base_image_tag`.
      image_layers: libraries that get a layer of their own: code that is large and seldom changes.
      imports: folders below the package that Python imports from, as for py_binary.
      main: the file that is the entry point.
      insecure: True (or "http") for a registry without TLS, "unverified" for one with any certificate, False for
        verified TLS also on this machine's own addresses, where plain HTTP is the default.
      platform: what to build the image for; by default this machine's platform, Linux's on a Mac.
      test_args: the arguments with which `:main_test` runs the program; without a list it only imports it.
      local_env: environment variables of the program on this machine.
      image_tags: tags that the registry gets beside the digest. Nothing runs by a tag.
      tags: of all targets; all but `:main_local` and `:main_test` are `manual` too.
      visibility: of all targets.
      testonly: of all targets.
      target_compatible_with: of all targets.
      exec_properties: of all targets.
      **kwargs: anything else that py_binary takes, for `:main_local`.
    """
    main = main or name + ".py"
    local = name + "_local"
    _check(name, base, bases)
    bases = {DEFAULT: base if base != None else bases.get(DEFAULT)} | bases
    images = {tag: image_name(name, tag) for tag in bases}
    common = {
        "exec_properties": exec_properties,
        "target_compatible_with": target_compatible_with,
        "testonly": testonly,
        "visibility": visibility,
    }
    manual = dict(common, tags = tags + [tag for tag in ["manual"] if tag not in tags])
    target = "//%s:%s" % (native.package_name(), name)
    py_binary(
        name = local,
        srcs = [main],
        data = data,
        env = local_env | _WITHOUT_IMAGE | {"SEMATIC_PIPELINE_TARGET": target},
        imports = imports,
        main = main,
        tags = tags,
        deps = deps,
        **dict(common, **kwargs)
    )
    program, contents = name + "_program", name + "_contents"
    image_program(name = program, data = data, imports = imports, main = main, deps = deps, **manual)
    image_contents(name = contents, env = env, image_layers = image_layers, program = program, **manual)
    for tag, image in images.items():
        sematic_image(
            name = image,
            base = base_label(bases[tag]),
            base_tag = tag,
            contents = contents,
            platform = platform,
            **manual
        )
    image_explain(name = name + "_image_explain", image = images[DEFAULT], **manual)
    parity_test(
        name = name + "_test",
        contents = contents,
        program = program,
        runs_main = test_args != None,
        tags = tags,
        target = target,
        test_args = test_args or [],
        timeout = "long",  # It unpacks all wheels.
        **common
    )
    destination = {
        "images": images.values(),
        "insecure": {None: "", True: "http", False: "no"}.get(insecure, insecure),
        "names": image_tags,
        "registry": registry,
        "repository": repository,
        "target": target,
    }
    launch(name = name + "_push", **dict(manual, **destination))
    launch(name = name, env = local_env, program = local, **dict(manual, **destination))

def _check(name, base, bases):
    tags = [DEFAULT] + [tag for tag in bases if tag != DEFAULT]
    known = {target: native.existing_rule(target) for target in target_names(name, tags)}
    kinds = {target: rule["kind"] for target, rule in known.items() if rule}
    problem = bases_problem(base, bases) or names_problem(name, tags, kinds)
    if problem:
        fail("sematic_pipeline %s: %s" % (name, problem))
