"""The picture repeats, keeps neighbours, and takes new points."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from img2imu_kit.errors import ParameterError, SignalError
from img2imu_kit.explain import embedding as embed


@pytest.fixture(scope="module")
def clusters():
    """Three clusters in 80 dimensions, 50 points each, one feature on a scale of its own."""
    rng = np.random.default_rng(0)
    labels = np.repeat(["sit", "walk", "run"], 50)
    features = rng.normal(size=(150, 80)) + 3 * rng.normal(size=(3, 80)).repeat(50, axis=0)
    features[:, 0] = 1e4 * rng.normal(size=150)
    order = rng.permutation(150)
    return features[order].astype(np.float32), labels[order]


@pytest.fixture(scope="module")
def fitted(clusters):
    return embed.fit_tsne(clusters[0][:130])


def test_tsne_repeats_and_keeps_clusters(clusters, fitted):
    features, labels = clusters
    assert fitted.xy.shape == (130, 2)
    assert fitted.xy.dtype == np.float32
    np.testing.assert_array_equal(embed.tsne(features[:130]), fitted.xy)
    assert not np.array_equal(embed.tsne(features[:130], perplexity=15), fitted.xy)
    measured = embed.quality(features[:130], fitted.xy, labels[:130])
    assert measured["trustworthiness"] > 0.75
    assert measured["knn_xy"] == 1
    scrambled = np.random.default_rng(0).permutation(fitted.xy)
    measured = embed.quality(features[:130], scrambled, labels[:130])
    assert measured["trustworthiness"] < 0.6
    assert measured["knn_xy"] < 0.6 < measured["knn_features"]


def test_new_points_land_in_their_cluster_and_move_nobody(clusters, fitted):
    features, labels = clusters
    before = fitted.xy.copy()
    placed = fitted.place(features[130:])
    assert placed.dtype == np.float32
    for name in np.unique(labels[130:]):
        centres = {label: before[labels[:130] == label].mean(0) for label in set(labels)}
        for point in placed[labels[130:] == name]:
            nearest = min(centres, key=lambda label: np.linalg.norm(point - centres[label]))
            assert nearest == name
    np.testing.assert_array_equal(fitted.place(features[130:]), placed)
    np.testing.assert_array_equal(fitted.xy, before)
    with pytest.raises(SignalError, match="7 features, but the picture was made of 80"):
        fitted.place(features[:, :7])


def test_a_bar_shows_every_step_and_changes_nothing(clusters, fitted, capsys):
    np.testing.assert_array_equal(embed.tsne(clusters[0][:130], progress=True), fitted.xy)
    assert "750/750" in capsys.readouterr().err


@pytest.mark.parametrize("count", [4, 5, 20, 60])
def test_few_points_lower_the_perplexity(clusters, count):
    with pytest.warns(UserWarning, match=rf"perplexity 30 is lowered .* {count} points"):
        fitted = embed.fit_tsne(clusters[0][:count])
    assert np.isfinite(fitted.xy).all()
    assert np.isfinite(fitted.place(clusters[0][:2])).all()


def test_thread_limits_are_put_back(clusters):
    before = [pool["num_threads"] for pool in threadpool_info()]
    embed.tsne(clusters[0][:40], perplexity=5)
    assert [pool["num_threads"] for pool in threadpool_info()] == before


def test_pca_is_the_projection_of_most_variance(clusters):
    features = clusters[0]
    scaled = (features - features.mean(0)) / features.std(0)
    singular = np.linalg.svd(scaled, compute_uv=False)[:2]
    xy = embed.pca(features)
    np.testing.assert_allclose(np.linalg.norm(xy, axis=0), singular, rtol=1e-3)
    np.testing.assert_array_equal(embed.pca(features), xy)


def test_agreement_is_leave_one_out():
    xy = np.array([[0, 0], [0, 1], [9, 0], [9, 1], [20, 0], [20, 1.0]])
    pairs, strangers = list("aabbcc"), list("abcdef")
    assert embed.quality(xy, xy, pairs, neighbours=1)["knn_xy"] == 1
    assert embed.quality(xy, xy, strangers, neighbours=1)["knn_xy"] == 0


def test_quality_of_many_points_is_of_a_sample(clusters):
    features, labels = clusters
    few = embed.quality(features, features[:, 1:3], labels, most=60)
    assert few == embed.quality(features, features[:, 1:3], labels, most=60)
    assert few != embed.quality(features, features[:, 1:3], labels)


@pytest.mark.parametrize(
    ("features", "settings", "error"),
    [
        (np.zeros((3, 4)), {}, SignalError),
        (np.zeros(9), {}, SignalError),
        (np.ones((9, 4)), {}, SignalError),
        (np.full((9, 4), np.nan), {}, SignalError),
        (np.eye(9), {"perplexity": 0.5}, ParameterError),
        (np.eye(9), {"perplexity": np.nan}, ParameterError),
    ],
    ids=["few", "flat", "constant", "nan", "perplexity", "nan-perplexity"],
)
def test_mistakes_are_named(features, settings, error):
    with pytest.raises(error):
        embed.tsne(features, **settings)


def test_quality_checks_its_input():
    with pytest.raises(ParameterError, match="below half of 9"):
        embed.quality(np.eye(9), np.eye(9)[:, :2], neighbours=5)
    with pytest.raises(SignalError, match="9 features, 8 positions"):
        embed.quality(np.eye(9), np.eye(9)[:8, :2])
    with pytest.raises(SignalError, match="second axis"):
        embed.pca(np.arange(9.0)[:, None])


def test_a_projection_takes_new_points(clusters):
    features = clusters[0]
    fitted = embed.fit_pca(features[:100])
    scaled = (features - features[:100].mean(0)) / features[:100].std(0)
    axes = np.linalg.svd(scaled[:100], full_matrices=False)[2][:2]
    expected = scaled[100:] @ axes.T
    np.testing.assert_allclose(np.abs(fitted.place(features[100:])), np.abs(expected), atol=1e-2)


def test_the_nearest_is_sought_in_other_groups(clusters):
    features, _ = clusters
    scaled = (features - features.mean(0)) / features.std(0)
    groups = np.arange(len(features)) % 5
    distance = np.linalg.norm(scaled[:, None] - scaled[None], axis=2) / np.sqrt(80)
    own = groups[:, None] == groups[None]
    expected = np.where(own, np.inf, distance).min(axis=1)
    measured = embed.nearest_distance(features, groups=groups)
    np.testing.assert_allclose(measured, expected, rtol=1e-3)
    np.fill_diagonal(distance, np.inf)
    alone = embed.nearest_distance(features)
    np.testing.assert_allclose(alone, distance.min(axis=1), rtol=1e-3)
    far = embed.nearest_distance(features, features[:4] + 10 * features.std(0))
    assert far.min() > np.quantile(alone, 0.99)
    assert embed.nearest_distance(features, features[:4]).max() < 1e-3
    with pytest.raises(SignalError, match=r"1 group\(s\)"):
        embed.nearest_distance(features, groups=np.zeros(150))
    with pytest.raises(SignalError, match="3 features, but 80"):
        embed.nearest_distance(features, features[:, :3])


def test_umap_keeps_clusters_and_places_new_points(clusters):
    pytest.importorskip("umap", reason="optional: pip install img2imu_kit[maps]")
    features, labels = clusters
    fitted = embed.fit_umap(features[:130])
    assert embed.quality(features[:130], fitted.xy, labels[:130])["knn_xy"] == 1
    placed = fitted.place(features[130:])
    nearest = np.linalg.norm(placed[:, None] - fitted.xy[None], axis=2).argmin(axis=1)
    assert (labels[:130][nearest] == labels[130:]).all()
