"""Texts as vectors, for the nearest query: a protocol, a self-contained embedder, and one that runs a trained model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Turns texts into vectors whose scalar product says how alike they are."""

    def fit(self, texts: Sequence[str]) -> None:
        """Learn from texts that were known before the day; a trained model has nothing to learn."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text, [N, dim], of unit length; all zero for a text it can make nothing of."""


class NgramEmbedder:
    """Letters instead of meaning: TF-IDF of 3- and 4-letter pieces of words, projected at random to ``dim`` numbers.

    It needs no trained model, forgives spelling and endings, and gives the same vectors for the same texts every time.
    The projection keeps cosines up to about 1 / sqrt(dim) (Achlioptas 2003; Li, Hastie & Church 2006).
    """

    def __init__(self, dim: int = 512) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.random_projection import SparseRandomProjection

        self._dim = dim
        self._pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), sublinear_tf=True, dtype=np.float32)
        self._projection = SparseRandomProjection(dim, random_state=0, dense_output=True)
        self._is_fitted = False

    def fit(self, texts: Sequence[str]) -> None:
        """Learn how rare each piece is.

        Args:
            texts: Titles and queries; none leaves an embedder that knows no piece.
        """
        known = [text for text in texts if text.strip()]
        self._is_fitted = bool(known)
        if known:
            self._projection.fit(self._counted(self._pieces.fit_transform(known)))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`."""
        if not self._is_fitted or not len(texts):
            return np.zeros((len(texts), self._dim), np.float32)
        return unit_rows(self._projection.transform(self._counted(self._pieces.transform(texts))))

    def _counted(self, pieces: Any) -> Any:
        """The pieces, with empty columns up to ``dim`` where there are fewer: a projection only ever makes less."""
        from scipy.sparse import csr_matrix

        rows, columns = pieces.shape
        return csr_matrix((pieces.data, pieces.indices, pieces.indptr), (rows, max(columns, self._dim)))


class SentenceEmbedder:
    """A model of the sentence-transformers library that lies on the disk; nothing is fetched."""

    def __init__(self, folder: str) -> None:
        """Load the model.

        Raises:
            FileNotFoundError: The folder does not exist.
            ModuleNotFoundError: The library is not installed.
        """
        if not Path(folder).is_dir():
            raise FileNotFoundError(
                f"embedder sentence-transformers:{folder} needs a folder with a saved model; correct the path in the "
                "policy, or use embedder: ngrams"
            )
        try:
            from sentence_transformers import SentenceTransformer
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "the embedder sentence-transformers needs its library; run: pip install 'uniscale[sentences]'"
            ) from None
        self._model: Any = SentenceTransformer(folder, device="cpu", local_files_only=True)

    def fit(self, texts: Sequence[str]) -> None:
        """Nothing to learn."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`."""
        if not len(texts):
            return np.zeros((0, self._model.get_embedding_dimension()), np.float32)
        return unit_rows(self._model.encode(list(texts), convert_to_numpy=True, show_progress_bar=False))


def make_embedder(name: str) -> Embedder:
    """The embedder that the policy names: ``ngrams`` or ``sentence-transformers:FOLDER``."""
    kind, _, folder = name.partition(":")
    return SentenceEmbedder(folder) if kind == "sentence-transformers" else NgramEmbedder()


def unit_rows(vectors: npt.NDArray[Any]) -> Vectors:
    """Rows scaled to unit length; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
