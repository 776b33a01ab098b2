"""The macro that BUILD files call."""

load("@rules_python//python:defs.bzl", "py_binary")
load(":base_images.bzl", "base_label")
load(":contents.bzl", "image_contents")
load(":explain.bzl", "image_explain")
load(":image.bzl", "sematic_image")
load(":launch.bzl", "launch")
load(":parity.bzl", "parity_test")
load(":program.bzl", "image_program")

_DEFAULT = "default"

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
    bases = _all_bases(name, base, bases)
    images = {tag: name + "_image" + ("" if tag == _DEFAULT else "_" + tag) for tag in bases}
    _check_names(name, [local, name, name + "_program", name + "_contents", name + "_push", name + "_image_explain", name + "_test"] + images.values())
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
        env = local_env | {"SEMATIC_PIPELINE_TARGET": target},
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
            base = bases[tag],
            base_tag = tag,
            contents = contents,
            platform = platform,
            **manual
        )
    image_explain(name = name + "_image_explain", image = images[_DEFAULT], **manual)
    parity_test(
        name = name + "_test",
        contents = contents,
        program = program,
        runs_main = test_args != None,
        tags = tags,
        target = target,
        test_args = test_args or [],
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

def _all_bases(name, base, bases):
    if _DEFAULT in bases and base != None:
        fail("sematic_pipeline %s: base and bases[\"default\"] name the same thing twice: leave one out." % name)
    found = {_DEFAULT: base_label(base if base != None else bases.get(_DEFAULT))}
    for tag, given in bases.items():
        if not tag or [char for char in tag.elems() if not (char.isalnum() or char in "_-.")]:
            fail("sematic_pipeline %s: %r in bases is no tag: letters, digits, '_', '-' and '.' only." % (name, tag))
        found.setdefault(tag, base_label(given))
    return found

def _check_names(name, targets):
    for target in targets:
        known = native.existing_rule(target)
        if known:
            fail(("sematic_pipeline %s makes a target %s, and this package has one already (%s): give one of the two " +
                  "another name.") % (name, target, known["kind"]))
