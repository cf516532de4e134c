import dataclasses

import h5py
import numpy as np
import paper_reference
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deblurnets.backend import keras, ops
from deblurnets.paper.analysis import build_paper_analysis
from deblurnets.weights import files as weights
from deblurnets.weights.files import WeightsError
from deblurnets.weights.hdf5 import HDF5_SIGNATURE


@pytest.fixture(scope="module")
def network():
    return build_paper_analysis()


@pytest.fixture
def official(tmp_path):
    return paper_reference.write_official_file(tmp_path / "analysis.h5", "analysis")


def array(variable):
    return ops.convert_to_numpy(ops.convert_to_tensor(variable))


def values(network):
    return {layer.name: [array(w) for w in layer.weights] for layer in network.layers}


def assert_filled(network):
    for name, arrays in values(network).items():
        for kind, found in zip(["kernel", "bias"], arrays):
            wanted = paper_reference.weight("analysis", name, f"{name}/{kind}:0", found.shape)
            np.testing.assert_allclose(found, wanted, rtol=1e-6)


def clear(network):
    for variable in network.weights:
        variable.assign(np.zeros(tuple(variable.shape), np.float32))


def test_official_file_fills_each_layer_with_its_own(network, official):
    clear(network)
    weights.load_into(network, official)
    assert_filled(network)


def test_numbers_may_start_elsewhere(network, tmp_path):
    clear(network)
    path = paper_reference.write_official_file(tmp_path / "a.h5", "analysis", shift=97)
    weights.load_into(network, path)
    assert_filled(network)


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_order_in_the_file_does_not_matter(network, tmp_path_factory, seed):
    path = tmp_path_factory.mktemp("shuffled") / "a.h5"
    paper_reference.write_official_file(path, "analysis")
    with h5py.File(str(path), "r+") as file:
        names = np.array(file.attrs["layer_names"])
        np.random.RandomState(seed).shuffle(names)
        file.attrs["layer_names"] = names
    clear(network)
    weights.load_into(network, path)
    assert_filled(network)


def test_a_whole_saved_model_and_split_names_are_read(network, official, tmp_path):
    path = tmp_path / "model.h5"
    with h5py.File(str(official), "r") as source, h5py.File(str(path), "w") as target:
        group = target.create_group("model_weights")
        for name in source:
            source.copy(name, group)
        names = source.attrs["layer_names"]
        group.attrs["layer_names0"], group.attrs["layer_names1"] = names[:20], names[20:]
    clear(network)
    weights.load_into(network, path)
    assert_filled(network)


def test_written_files_are_in_the_official_layout(network, official, tmp_path):
    weights.load_into(network, official)
    path = tmp_path / "written.h5"
    weights.save_official_layout(network, path)
    with h5py.File(str(official), "r") as wanted, h5py.File(str(path), "r") as found:
        expected = [n for n in wanted.attrs["layer_names"] if len(wanted[n].attrs["weight_names"])]
        assert list(found.attrs["layer_names"]) == expected
        for layer in expected:
            names = list(wanted[layer].attrs["weight_names"])
            assert list(found[layer].attrs["weight_names"]) == names
            for name in names:
                np.testing.assert_array_equal(found[layer][name][()], wanted[layer][name][()])
    weights.check_official_file(path, "analysis")


def failure(action, *arguments):
    with pytest.raises(WeightsError) as caught:
        action(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_wrong_shape_is_named(tmp_path):
    def edit(arrays):
        arrays["conv2d_24/kernel:0"] = arrays["conv2d_24/kernel:0"][:, :, :48]

    path = paper_reference.write_official_file(tmp_path / "a.h5", "analysis", edit=edit)
    message = failure(weights.check_official_file, path, "analysis")
    for part in [str(path), "conv2d_24/kernel", "(3, 3, 64, 32)", "(3, 3, 48, 32)"]:
        assert part in message


def test_a_missing_layer_is_named(tmp_path):
    def edit(arrays):
        del arrays["conv2d_30/kernel:0"], arrays["conv2d_30/bias:0"]

    path = paper_reference.write_official_file(tmp_path / "a.h5", "analysis", edit=edit)
    message = failure(weights.load_analysis, path)
    assert "expected 30 layers of type 'conv2d'" in message
    assert "received 29" in message


def test_a_missing_weight_is_named(tmp_path):
    path = paper_reference.write_official_file(
        tmp_path / "a.h5", "analysis", edit=lambda arrays: arrays.pop("conv2d_7/bias:0")
    )
    message = failure(weights.load_analysis, path)
    assert "conv2d_7: expected weights bias, kernel, received kernel" in message


def test_values_must_be_finite(tmp_path):
    def edit(arrays):
        arrays["conv2d/bias:0"][3] = np.nan

    path = paper_reference.write_official_file(tmp_path / "a.h5", "analysis", edit=edit)
    assert "conv2d/bias: expected finite" in failure(weights.load_analysis, path)


def test_the_other_network_s_file_is_refused(official):
    message = failure(weights.load_synthesis, official)
    assert "does not fit the network: expected 27 layers of type 'bias_layer'" in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html><body>Quota exceeded</body></html>", "a web page"),
        (b"\n <html>", "a web page"),
        (b"PK\x03\x04....", "starts with b'PK"),
        (HDF5_SIGNATURE, "damaged or cut short"),
    ],
)
def test_other_files_are_refused(tmp_path, content, expected):
    path = tmp_path / "a.h5"
    path.write_bytes(content)
    message = failure(weights.load_analysis, path)
    assert str(path) in message
    assert expected in message


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_a_truncated_file_is_refused(official, share):
    content = official.read_bytes()
    official.write_bytes(content[: int(share * len(content))])
    assert "damaged or cut short" in failure(weights.load_analysis, official)


def test_an_hdf5_file_without_a_network_is_refused(tmp_path):
    with h5py.File(str(tmp_path / "a.h5"), "w") as file:
        file["x"] = np.zeros(3)
    assert "holds no network" in failure(weights.load_analysis, tmp_path / "a.h5")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "there is no weights file" in failure(weights.load_analysis, tmp_path / "none.h5")
    assert "cannot read" in failure(weights.load_analysis, tmp_path)


# Files trained here


@dataclasses.dataclass(frozen=True)
class Config:
    widths: tuple = (4, 2)
    dtype: str = "mixed_bfloat16"


def small_network(last=2, name="last"):
    keras.backend.clear_session()  # TensorFlow 1.15 numbers names across the process
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Conv2D(4, 3, name="first"),
            keras.layers.Conv2D(last, 3, name=name),
        ]
        if hasattr(keras, "ops")
        else [
            keras.layers.Conv2D(4, 3, name="first", input_shape=(None, None, 3)),
            keras.layers.Conv2D(last, 3, name=name),
        ]
    )


@pytest.fixture
def trained(tmp_path):
    path = tmp_path / "trained.h5"
    network = small_network()
    weights.save_weights(network, path, "compact_analysis", Config())
    return network, path


def test_trained_weights_come_back_in_half_precision(trained):
    network, path = trained
    other = small_network()
    weights.load_into(other, path)
    for a, b in zip(network.weights, other.weights):
        np.testing.assert_allclose(array(a), array(b), rtol=1e-3, atol=1e-6)
    with h5py.File(str(path), "r") as file:
        assert {d.dtype for d in file["weights"].values()} == {np.dtype(np.float16)}
        text = file.attrs[weights.CONFIG_ATTRIBUTE]
    assert weights._parse_config(text, path) == (
        "compact_analysis",
        {"widths": (4, 2), "dtype": "mixed_bfloat16"},
    )
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_trained_weights_must_fit(trained):
    _, path = trained
    message = failure(weights.load_into, small_network(last=3), path)
    assert "expected shape (3, 3, 4, 3), received (3, 3, 4, 2)" in message
    message = failure(weights.load_into, small_network(name="other"), path)
    assert "other/kernel" in message
    assert "last/kernel" in message


def test_trained_file_says_which_half_it_is(trained):
    message = failure(weights.load_synthesis, trained[1])
    assert "expected a synthesis network, received 'compact_analysis'" in message


def test_unknown_configuration_is_refused(trained):
    with h5py.File(str(trained[1]), "r+") as file:
        file.attrs[weights.CONFIG_ATTRIBUTE] = (
            '{"network": "compact_analysis", "config": {"wings": 2}}'
        )
    assert "wings" in failure(weights.load_analysis, trained[1])
    with h5py.File(str(trained[1]), "r+") as file:
        file.attrs[weights.CONFIG_ATTRIBUTE] = "{"
    assert "to be JSON" in failure(weights.load_analysis, trained[1])


def test_a_failed_save_leaves_the_old_file(trained):
    network, path = trained
    before = path.read_bytes()
    network.weights[0].assign(np.full((3, 3, 3, 4), 1e5, np.float32))
    message = failure(weights.save_weights, network, path, "compact_analysis", Config())
    assert "not finite in float16" in message
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]
