"""On sets that nobody tuned for here, small enough for a test: the whole is never worse than its best part, for
each embedder, and reranking does not cost what fusion brought."""
import os
import unittest

os.environ["CAIRN_TEST_ALL_MODELS"] = "1"  # the default embedder has its second one beside it

from harness import CairnTest, SHARED, main, model_path  # noqa: E402

DATA = os.path.join(SHARED, "data")
RUNS = (("adi", "all-minilm-l6-v2", "model.safetensors"), ("adi", "multilingual-e5-small", "e5-small-q4.bin"),
        ("trec-cast", "all-minilm-l6-v2", "model.safetensors"), ("trec-cast", "multilingual-e5-small", "e5-small-q4.bin"))


class Parts(CairnTest):
    def measure(self, name, model):
        folder = os.path.join(DATA, name)
        at = ["--collection", f"{name}-{model}", "--embedder", model]

        def ndcg(*more):
            return self.json(*at, "eval", "retrieval", "--queries", os.path.join(folder, "queries.jsonl"), "--qrels",
                             os.path.join(folder, "qrels.tsv"), *more)["metrics"]["nDCG@10"]["value"]
        self.json(*at, "import", "beir", folder)
        parts = {mode: ndcg("--mode", mode) for mode in ("lexical", "vector")}
        fused = ndcg("--budget", "0")
        whole = ndcg()
        beside = self.json(*at, "embedder")["aside"]
        if beside:  # its vectors alone, once they are the first ones
            self.json(*at, "embedder", "switch")
            at[3] = beside["model"]
            parts["second"] = ndcg("--mode", "vector")
        best = max(parts.values())
        told = f"{name}, {model}: {parts}, fused {fused}, reranked {whole}"
        self.assertGreaterEqual(fused, best, told)
        self.assertGreaterEqual(whole, best, told)

    def test_no_stage_makes_the_whole_worse_than_its_best_part(self):
        ran = 0
        for name, model, file in RUNS:
            if os.path.isdir(os.path.join(DATA, name)) and model_path(model, file):
                with self.subTest(set=name, model=model):
                    self.measure(name, model)
                ran += 1
        if not ran:
            raise unittest.SkipTest("neither the sets of ../shared/data nor the embedders are here")


if __name__ == "__main__":
    main()
