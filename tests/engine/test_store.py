"""The store: what is published is whole or absent, on a disk and on an object store alike."""

import uuid
from pathlib import Path

import pytest

from copd_engine.store import FileStore, ObjectStore, Store, open_store


@pytest.fixture(params=["file", "memory", "s3"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "file":
        return open_store(f"file://{tmp_path}/store")
    bucket = "memory:/" if request.param == "memory" else request.getfixturevalue("bucket")
    return open_store(f"{bucket}/{uuid.uuid4().hex}/store")


def publish(store: Store, path: str, content: bytes = b"weights") -> None:
    with store.publishing(path) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "data").write_bytes(content)
        (folder / "manifest.json").write_text("{}")


def test_the_url_picks_the_kind_of_store(tmp_path: Path) -> None:
    assert isinstance(open_store(str(tmp_path)), FileStore)
    assert isinstance(open_store("memory://x"), ObjectStore)


def test_a_file_is_written_and_replaced(any_store: Store) -> None:
    any_store.write("a/b.json", b"1")
    any_store.write("a/b.json", b"22")
    assert (any_store.read("a/b.json"), any_store.size("a/b.json")) == (b"22", 2)
    assert any_store.below("a").exists("b.json")
    assert any_store.list("a") == ["b.json"]
    assert any_store.list("nothing") == []
    assert not any_store.exists("a/c.json")
    with pytest.raises(FileNotFoundError):
        any_store.read("a/c.json")


def test_a_folder_is_published_read_and_deleted(any_store: Store) -> None:
    publish(any_store, "runs/r/text@4")
    assert any_store.exists("runs/r/text@4/manifest.json")
    with any_store.folder("runs/r/text@4") as folder:
        assert (folder / "sub" / "data").read_bytes() == b"weights"
    assert any_store.size("runs/r/text@4") == len(b"weights") + 2
    assert any_store.list("runs/r") == ["text@4"]
    any_store.delete("runs/r/text@4")
    any_store.delete("runs/r/text@4")
    assert any_store.list("runs/r") == []
    with pytest.raises(FileNotFoundError), any_store.folder("runs/r/text@4"):
        pass


def test_a_copy_and_its_original_live_and_die_apart(any_store: Store) -> None:
    publish(any_store, "runs/r/text@4")
    for _ in range(2):  # of a copy, too
        any_store.copy("runs/r/text@4", "runs/s/text@4")
        with pytest.raises(FileExistsError, match="runs/s/text@4 was published before"):
            any_store.copy("runs/r/text@4", "runs/s/text@4")
        any_store.delete("runs/r/text@4")
        with any_store.folder("runs/s/text@4") as folder:
            assert (folder / "sub" / "data").read_bytes() == b"weights"
        any_store.copy("runs/s/text@4", "runs/r/text@4")
        any_store.delete("runs/s/text@4")
    assert any_store.list("runs/s") == []
    with pytest.raises(FileNotFoundError, match="runs/s/text@4 is not in the store"):
        any_store.copy("runs/s/text@4", "runs/t/text@4")
    assert any_store.list("runs/t") == []


def test_what_was_published_never_changes(any_store: Store) -> None:
    publish(any_store, "x")
    with pytest.raises(FileExistsError, match="x was published before"):
        publish(any_store, "x", b"other")
    assert any_store.read("x/sub/data") == b"weights"


def test_a_failure_while_publishing_leaves_nothing(any_store: Store, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), any_store.publishing("runs/x") as folder:
        (folder / "half").write_bytes(bytes(1 // 0))
    assert any_store.list("runs") == []
    assert not list(tmp_path.rglob("half"))


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a\x00"])
def test_no_path_leaves_the_store(any_store: Store, path: str) -> None:
    for use in (any_store.read, any_store.delete, any_store.list, any_store.exists, any_store.below):
        with pytest.raises(ValueError, match="stay inside the store"):
            use(path)


def test_a_growing_file(any_store: Store) -> None:
    log = any_store.append("events.jsonl")
    log.write(b"1\n")
    log.write(b"2\n")
    log.sync()
    assert any_store.read("events.jsonl") == b"1\n2\n"
    log.write(b"3\n")
    log.close()
    assert any_store.read("events.jsonl") == b"1\n2\n3\n"


def test_a_growing_file_is_new(any_store: Store) -> None:
    any_store.append("events.jsonl").close()
    with pytest.raises(FileExistsError):
        any_store.append("events.jsonl")


def test_a_file_is_copied_once_and_lives_apart(any_store: Store) -> None:
    any_store.write("runs/r/attempts/1/rollouts/text@4.json.z", b"1")
    for _ in range(2):
        any_store.copy_file("runs/r/attempts/1/rollouts/text@4.json.z", "runs/s/attempts/1/rollouts/text@4.json.z")
    any_store.delete("runs/r")
    assert any_store.read("runs/s/attempts/1/rollouts/text@4.json.z") == b"1"
    with pytest.raises(FileNotFoundError):
        any_store.copy_file("runs/r/attempts/1/rollouts/text@4.json.z", "runs/t/a")
    assert any_store.list("runs/t") == []
