"""Texts as vectors, and the index that searches them."""

import numpy as np
import pytest

from uniscale.es3.embed import NgramEmbedder, SentenceEmbedder, make_embedder
from uniscale.es3.nearest import QueryIndex

TITLES = [
    "cordless drill 18 volt with battery",
    "hammer drill 750 watt",
    "garden hose 20 m",
    "water hose reel for the garden",
    "led ceiling lamp",
    "floor lamp with paper shade",
]


def fitted():
    embedder = NgramEmbedder()
    embedder.fit(TITLES)
    return embedder


def test_a_text_is_nearest_to_the_title_that_shares_its_words_though_endings_and_spelling_differ():
    queries = fitted().embed(["drills", "gardn hose", "lamps"])
    likeness = queries @ fitted().embed(TITLES).T
    assert [{0, 1}, {2, 3}, {4, 5}] == [set(np.argsort(-row)[:2].tolist()) for row in likeness]


def test_vectors_have_unit_length_and_the_same_text_always_gets_the_same_one():
    one, other = fitted().embed(TITLES), fitted().embed(TITLES)
    np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("text", ["", "  ", "zzz"])
def test_a_text_of_unknown_pieces_is_like_nothing(text):
    assert not fitted().embed([text]).any()


def test_an_embedder_that_saw_no_text_is_like_nothing():
    embedder = NgramEmbedder()
    embedder.fit(["", " "])
    assert embedder.embed(["drill"]).shape == (1, 512)
    assert not embedder.embed(["drill"]).any()


def test_emoji_and_right_to_left_text_have_vectors():
    embedder = NgramEmbedder()
    embedder.fit(["\u0645\u0635\u0628\u0627\u062d \u0633\u0642\u0641", "\U0001f525\U0001f525 lamp"])
    assert embedder.embed(["\u0645\u0635\u0628\u0627\u062d"]).any()


def test_a_model_folder_that_does_not_exist_is_named():
    with pytest.raises(FileNotFoundError, match=r"sentence-transformers:/no/such needs a folder .* embedder: ngrams"):
        make_embedder("sentence-transformers:/no/such")


def test_a_missing_library_is_told_with_the_command_that_mends_it(tmp_path):
    try:
        import sentence_transformers  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'uniscale\[sentences\]'"):
            SentenceEmbedder(str(tmp_path))
    else:
        pytest.skip("sentence-transformers is installed")


def test_a_saved_sentence_model_is_used_without_any_download(tmp_path):
    pytest.importorskip("sentence_transformers", reason="the optional library sentence-transformers is not installed")
    from support_sentences import save_tiny_model

    save_tiny_model(tmp_path)
    embedder = make_embedder(f"sentence-transformers:{tmp_path}")
    vectors = embedder.embed(["red shoe", "blue lamp"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(vectors, embedder.embed(["red shoe", "blue lamp"]))


def test_the_exact_index_equals_brute_force():
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(300, 16)).astype(np.float32)
    probes = draw.normal(size=(50, 16)).astype(np.float32)
    nearest, scores = QueryIndex(vectors, "Flat").nearest(probes)
    assert nearest == (probes @ vectors.T).argmax(axis=1).tolist()
    np.testing.assert_allclose(scores, (probes @ vectors.T).max(axis=1), atol=1e-5)


def test_of_equally_near_queries_the_first_wins():
    vectors = np.eye(4, dtype=np.float32)[[2, 0, 0, 0, 3]]
    assert QueryIndex(vectors, "Flat").nearest(np.eye(4, dtype=np.float32)[[0]])[0] == [1]


def test_the_graph_index_finds_nearly_always_the_nearest_and_always_the_same():
    embedder = NgramEmbedder()
    texts = [
        f"{colour} {thing} {size}"
        for colour in ["red", "blue", "green", "white", "black"]
        for thing in ["shoe", "lamp", "drill", "hose", "chair", "table", "shirt", "cup"]
        for size in range(30)
    ]
    embedder.fit(texts)
    vectors = embedder.embed(texts)
    probes = embedder.embed([f"{text} cm" for text in texts[::7]])
    exact, _ = QueryIndex(vectors, "Flat").nearest(probes)
    one, _ = QueryIndex(vectors, "HNSW32").nearest(probes)
    other, _ = QueryIndex(vectors, "HNSW32").nearest(probes)
    assert one == other
    assert np.mean(np.array(one) == np.array(exact)) > 0.9


def test_an_index_that_faiss_does_not_know_is_named():
    with pytest.raises(ValueError, match=r"searchification.nearest.index 'Fast' cannot be built for 3 queries"):
        QueryIndex(np.eye(3, dtype=np.float32), "Fast")
