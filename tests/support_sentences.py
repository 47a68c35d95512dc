"""A sentence-transformers model small enough to be made in a test: random weights, a dozen words."""

from pathlib import Path


def save_tiny_model(folder: Path) -> None:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import BertConfig, BertModel, BertTokenizer

    torch.manual_seed(0)
    words = folder / "words"
    words.mkdir()
    (words / "vocab.txt").write_text(
        "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "blue", "shoe", "lamp"])
    )
    BertTokenizer(str(words / "vocab.txt")).save_pretrained(words)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=9, **size)).save_pretrained(words)
    transformer = modules.Transformer(str(words))
    pooling = modules.Pooling(transformer.get_embedding_dimension())
    SentenceTransformer(modules=[transformer, pooling], device="cpu").save(str(folder))
