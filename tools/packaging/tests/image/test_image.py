"""Images from the program itself: bases of both families, settings, layouts, explanations, refusals."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from image_tools.image import image
from image_tools.image.explain import human, table
from image_tools.image.manifest import DOCKER, OCI
from tools.packaging.tests.layer.testing import Built, build, join, tree

Json = dict[str, Any]
BASE_CONFIG: Json = {
    "architecture": "arm64",
    "os": "linux",
    "created": "2024-02-02T00:00:00Z",
    "container_config": {"Hostname": "builder"},
    "config": {"Env": ["PATH=/usr/bin", "LANG=C", "EMPTY="], "Cmd": ["sh"], "Labels": {"from": "base"}, "User": "1000"},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64]},
    "history": [{"created_by": "ADD rootfs"}, {"created_by": "ENV LANG=C", "empty_layer": True}],
}


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def base(
    folder: Path, types: Any = OCI, change: Callable[[Json, Json], None] = lambda manifest, config: None
) -> list[str]:
    """A base's files, and the arguments that name them."""
    manifest: Json = {
        "schemaVersion": 2,
        "mediaType": types.manifest,
        "layers": [{"mediaType": types.layer + "-zstd", "digest": "sha256:" + "2" * 64, "size": 77}],
    }
    config = json.loads(json.dumps(BASE_CONFIG))
    change(manifest, config)
    data = json.dumps(config).encode()
    manifest.setdefault("config", {"mediaType": types.config, "digest": digest(data), "size": len(data)})
    (folder / "base.json").write_text(json.dumps(manifest))
    (folder / "base-config.json").write_bytes(data)
    return ["--base-manifest", str(folder / "base.json"), "--base-config", str(folder / "base-config.json")]


@pytest.fixture
def layers(tmp_path: Path) -> list[Built]:
    """Two wheels, their bin, and the app."""
    for name in ("six", "attrs", "main"):
        (tmp_path / f"{name}.py").write_text(f"name = {name!r}\n" * 100)
    made = [
        build(
            tmp_path / name,
            [[f"app/site-packages/{name}.py", str(tmp_path / f"{name}.py")]],
            "--reason",
            f"{name} is required",
            name=name,
        )
        for name in ("six", "attrs")
    ]
    app = [["app/src/main.py", str(tmp_path / "main.py")], ["app/src/run", "main.py", "symlink"]]
    bin = join(tmp_path / "small", made, name="small-1")
    return [*made, bin, build(tmp_path / "app", app, "--role", "app", "--reason", "the pipeline", name="app")]


def plan(folder: Path, layers: list[Built], *more: str) -> str:
    wheels = [built for built in layers if built.metadata.role == "wheel"]
    given = [part for built in wheels for part in ("--layer", str(built.metadata_file), str(built.index_file))]
    assert image.main(["plan", *given, "--others", "1", "--out", str(folder / "plan.json"), *more]) == 0
    return str(folder / "plan.json")


def manifest(folder: Path, layers: list[Built], *more: str) -> int:
    """The command's exit code; the files are in `folder`."""
    given = []
    for built in layers:
        given += ["--layer", built.metadata_file, built.blob, built.metadata_file, built.index_file]
    for name in ("manifest", "config", "digest"):
        given += [f"--{name}", folder / (name if name == "digest" else f"{name}.json")]
    given += ["--description", folder / "image.json", "--plan", plan(folder, layers)]
    return image.main(["manifest", *map(str, given), *more])


def written(folder: Path) -> tuple[Json, Json]:
    return json.loads((folder / "manifest.json").read_bytes()), json.loads((folder / "config.json").read_bytes())


def test_an_image_from_scratch(tmp_path: Path, layers: list[Built]) -> None:
    assert (
        manifest(tmp_path, layers, "--entrypoint", '["python3", "-I"]', "--env", "A=b=c", "--working-dir", "/app") == 0
    )
    found, config = written(tmp_path)
    assert found["mediaType"] == OCI.manifest
    assert [item["digest"] for item in found["layers"]] == [built.metadata.digest for built in layers[2:]]
    assert [item["size"] for item in found["layers"]] == [built.blob.stat().st_size for built in layers[2:]]
    assert found["config"]["digest"] == digest((tmp_path / "config.json").read_bytes())
    assert (tmp_path / "digest").read_text() == digest((tmp_path / "manifest.json").read_bytes())
    assert config["rootfs"]["diff_ids"] == [built.metadata.diff_id for built in layers[2:]]
    assert config["config"] == {"Entrypoint": ["python3", "-I"], "Env": ["A=b=c"], "WorkingDir": "/app"}
    assert [line["comment"] for line in config["history"]] == ["", "the pipeline"]


@pytest.mark.parametrize("types", [OCI, DOCKER])
def test_an_image_on_a_base_keeps_to_its_family(tmp_path: Path, layers: list[Built], types: Any) -> None:
    assert manifest(tmp_path, layers, *base(tmp_path, types), "--architecture", "arm64") == 0
    found, config = written(tmp_path)
    assert (found["mediaType"], found["config"]["mediaType"]) == (types.manifest, types.config)
    assert [item["mediaType"] for item in found["layers"]] == [types.layer + "-zstd", types.layer, types.layer]
    assert config["rootfs"]["diff_ids"][0] == "sha256:" + "1" * 64
    assert len([line for line in config["history"] if not line.get("empty_layer")]) == len(found["layers"])
    assert "container_config" not in config


def test_settings_go_over_the_bases(tmp_path: Path, layers: list[Built]) -> None:
    settings = ["--architecture", "arm64", "--env", "LANG=C.UTF-8", "--env", "X=", "--label", "to=us", "--cmd", '["a"]']
    assert manifest(tmp_path, layers, *base(tmp_path), *settings) == 0
    assert written(tmp_path)[1]["config"] == {
        "Env": ["PATH=/usr/bin", "LANG=C.UTF-8", "EMPTY=", "X="],
        "Cmd": ["a"],
        "Labels": {"from": "base", "to": "us"},
        "User": "1000",
    }


def test_folders_go_before_the_bases_path(tmp_path: Path, layers: list[Built]) -> None:
    assert manifest(tmp_path, layers, *base(tmp_path), "--path-prefix", "/app/bin") == 0
    assert "PATH=/app/bin:/usr/bin" in written(tmp_path)[1]["config"]["Env"]
    assert manifest(tmp_path, layers, "--path-prefix", "/app/bin") == 0
    assert written(tmp_path)[1]["config"]["Env"] == [
        "PATH=/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    ]


@pytest.mark.parametrize(("needs", "expected"), [("", None), ("python==3.11", ["SEMATIC_BASE_NEEDS=python==3.11"])])
def test_what_nobody_could_check_is_said_to_the_container(
    tmp_path: Path, layers: list[Built], needs: str, expected: list[str] | None
) -> None:
    (tmp_path / "needs").write_text(needs)
    assert manifest(tmp_path, layers, "--needs", str(tmp_path / "needs")) == 0
    assert written(tmp_path)[1]["config"].get("Env") == expected


def test_the_architecture_is_the_bases(tmp_path: Path, layers: list[Built]) -> None:
    assert manifest(tmp_path, layers, *base(tmp_path)) == 0
    assert written(tmp_path)[1]["architecture"] == "arm64"


def test_an_entry_point_drops_the_bases_arguments(tmp_path: Path, layers: list[Built]) -> None:
    assert manifest(tmp_path, layers, *base(tmp_path), "--architecture", "arm64", "--entrypoint", '["p"]') == 0
    assert "Cmd" not in written(tmp_path)[1]["config"]


def test_a_base_without_history_gets_some(tmp_path: Path, layers: list[Built]) -> None:
    given = base(tmp_path, change=lambda manifest, config: config.pop("history"))
    assert manifest(tmp_path, layers, *given, "--architecture", "arm64") == 0
    assert written(tmp_path)[1]["history"][0]["created_by"] == "base"


def test_two_runs_agree(tmp_path: Path, layers: list[Built]) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        assert manifest(tmp_path / name, layers if name == "one" else layers[::-1], "--label", "a=ü") == 0
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda manifest, config: config.update(architecture="amd64"), "for linux/amd64, the image for linux/arm64"),
        (lambda manifest, config: manifest.update(config={"digest": "sha256:0"}), "names sha256:0"),
        (lambda manifest, config: manifest.pop("layers"), "is no image manifest"),
        (lambda manifest, config: config.pop("rootfs"), "knows 0 layers, its manifest 1"),
    ],
)
def test_bases_that_are_refused(
    tmp_path: Path, layers: list[Built], change: Any, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert manifest(tmp_path, layers, *base(tmp_path, change=change), "--architecture", "arm64") == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "sentence"), [("{", "is no JSON"), ("[]", "no JSON object"), (None, "cannot be read")]
)
def test_a_base_that_cannot_be_read(
    tmp_path: Path, layers: list[Built], content: str | None, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = base(tmp_path)
    Path(given[1]).unlink() if content is None else Path(given[1]).write_text(content)
    assert manifest(tmp_path, layers, *given) == 1
    assert sentence in capsys.readouterr().err


def test_a_plan_refuses_layers_that_clash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = []
    for name in ("alpha", "omega"):
        (tmp_path / f"{name}.py").write_text(name)
        made.append(build(tmp_path / name, [["app/site-packages/x.py", str(tmp_path / f"{name}.py")]], name=name))
    given = [part for built in made for part in ("--layer", str(built.metadata_file), str(built.index_file))]
    assert image.main(["plan", *given, "--out", str(tmp_path / "plan.json")]) == 1
    assert "alpha and omega both write app/site-packages/x.py" in capsys.readouterr().err


def test_a_plan_counts_the_bases_layers(
    tmp_path: Path, layers: list[Built], capsys: pytest.CaptureFixture[str]
) -> None:
    given = base(tmp_path, change=lambda manifest, config: manifest.update(layers=[{}] * 60))
    given = [*given[:2], "--out", str(tmp_path / "plan.json")]
    app = ["--layer", str(layers[3].metadata_file), str(layers[3].index_file)]
    assert image.main(["plan", *app, *given]) == 1
    assert "The base has 60 layers" in capsys.readouterr().err
    (tmp_path / "base.json").write_text('{"manifests": []}')
    assert image.main(["plan", *app, *given]) == 1
    assert "is no image manifest: an index" in capsys.readouterr().err


def layout(folder: Path, *more: str) -> int:
    described = ["--image", str(folder / "image.json"), "--runfiles", str(folder)]
    return image.main(["layout", *described, "--out", str(folder / "layout"), *more])


@pytest.mark.parametrize("how", [[], ["--copy"]])
def test_a_layout_holds_the_image(tmp_path: Path, layers: list[Built], how: list[str]) -> None:
    assert manifest(tmp_path, layers) == 0
    assert layout(tmp_path, *how) == 0
    blobs = tmp_path / "layout/blobs/sha256"
    assert len(list(blobs.iterdir())) == 4
    for blob in blobs.iterdir():
        assert digest(blob.read_bytes()) == f"sha256:{blob.name}"
        assert not (how and blob.is_symlink())
    (entry,) = json.loads((tmp_path / "layout/index.json").read_bytes())["manifests"]
    assert entry["digest"] == (tmp_path / "digest").read_text()
    assert json.loads((tmp_path / "layout/oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}


def test_a_layout_takes_the_bases_layers_from_its_layout(
    tmp_path: Path, layers: list[Built], capsys: pytest.CaptureFixture[str]
) -> None:
    given = [*base(tmp_path), "--architecture", "arm64"]
    assert manifest(tmp_path, layers, *given) == 0
    assert layout(tmp_path) == 1
    assert f"The layer sha256:{'2' * 64} is in none of the files given" in capsys.readouterr().err
    assert manifest(tmp_path, layers, *given, "--base-layout", "base") == 0
    (tmp_path / "base/blobs/sha256").mkdir(parents=True)
    (tmp_path / "base/blobs/sha256" / ("2" * 64)).write_bytes(b"x" * 78)
    assert layout(tmp_path) == 1
    assert "has 78 bytes, its descriptor says 77" in capsys.readouterr().err
    (tmp_path / "base/blobs/sha256" / ("2" * 64)).write_bytes(b"x" * 77)
    assert layout(tmp_path) == 0


def test_a_description_names_everything(tmp_path: Path, layers: list[Built]) -> None:
    reference = "registry.example/base@sha256:" + "3" * 64
    given = ["--architecture", "arm64", "--base-reference", reference, "--base-insecure", "http"]
    assert manifest(tmp_path, layers, *base(tmp_path), *given, "--runfiles-folder", "main/pkg") == 0
    described = json.loads((tmp_path / "image.json").read_bytes())
    assert described["digest"] == (tmp_path / "digest").read_text()
    assert (described["manifest"], described["config"]) == ("main/pkg/manifest.json", "main/pkg/config.json")
    assert described["base"] == {"reference": reference, "layout": "", "insecure": "http"}
    assert [(layer["name"], layer["role"], layer["blob"]) for layer in described["layers"]] == [
        ("small-1", "bin", str(layers[2].blob)),
        ("app", "app", str(layers[3].blob)),
    ]


@pytest.mark.parametrize("content", ["", "[]", '{"manifest": "manifest.json"}'])
def test_a_description_that_is_none(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "image.json").write_text(content)
    assert layout(tmp_path) == 1
    assert "image.json is no description of an image" in capsys.readouterr().err


def test_explain_says_who_asks_for_a_wheel(
    tmp_path: Path, layers: list[Built], capsys: pytest.CaptureFixture[str]
) -> None:
    uses = [part for user in ("//a:b", "//c", "//d", "//e") for part in ("--use", f"six={user}")]
    assert manifest(tmp_path, layers, *uses, "--use", "attrs=six") == 0
    assert explain(tmp_path, "--why", "app/site-packages/six.py") == 0
    assert "in layer small-1, from six: six is there for //a:b, //c, //d, //e\n" in capsys.readouterr().out
    alone = [built for built in layers if built.metadata.name == "six"]
    row = table([], [built.metadata for built in alone], {}, {"six": ["//a:b", "//c", "//d", "//e"]}).splitlines()[1]
    assert row.endswith("six is required, for //a:b, //c, //d and 1 more")


def explain(folder: Path, *more: str) -> int:
    described = ["--image", str(folder / "image.json"), "--runfiles", str(folder)]
    return image.main(["explain", *described, *more])


def test_explain_is_a_table(tmp_path: Path, layers: list[Built], capsys: pytest.CaptureFixture[str]) -> None:
    assert manifest(tmp_path, layers, *base(tmp_path), "--architecture", "arm64") == 0
    assert explain(tmp_path) == 0
    heading, bottom, bin, app = capsys.readouterr().out.splitlines()
    assert heading.split() == "layer size unpacked paths what and why".split()
    assert bottom.split() == ["base", "0", "77", "B", "sha256:" + "2" * 64]
    assert bin.split() == ["small-1", *human(layers[2].metadata.size).split(), "2.8", "kB", "4", "attrs", "six"]
    assert app.split() == ["app", *human(layers[3].metadata.size).split(), "1.4", "kB", "4", "the", "pipeline"]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/app/src/main.py", "app/src/main.py (file, 1.4 kB) is in layer app: the pipeline"),
        ("app/site-packages/six.py", "app/site-packages/six.py (file, 1.3 kB) is in layer small-1, from six"),
        ("app/site-packages", "app/site-packages (3 paths, 2.8 kB) is in layer small-1, from attrs six"),
        ("usr", "usr is in no layer of ours; the base may have it."),
    ],
)
def test_explain_why(
    tmp_path: Path, layers: list[Built], path: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert manifest(tmp_path, layers) == 0
    assert explain(tmp_path, "--why", path) == 0
    assert capsys.readouterr().out == sentence + "\n"


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (123456, "123 kB"), (10**15, "1000 TB")]
)
def test_sizes_for_people(size: int, text: str) -> None:
    assert human(size) == text


def test_a_setting_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        image.main(["manifest", "--env", "novalue"])
    assert "'novalue' is not NAME=VALUE" in capsys.readouterr().err
