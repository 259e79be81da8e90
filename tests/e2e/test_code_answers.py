"""What a program says of a function: the value that stands behind a parameter or a constant, and where."""
import os

from harness import CairnTest, main, model_path

FETCH = '''"""Fetches tide tables."""
import time

TIMEOUT_S = 8
MAX_ATTEMPTS = 4


class FetchError(Exception):
    """The office did not answer."""


def fetch_timetable(station, day, attempts=MAX_ATTEMPTS):
    """Fetch the tides of one station on one day."""
    for attempt in range(attempts):
        reply = get(station, day)
        if reply:
            return reply
    raise FetchError(station)


def list_stations(region="uk", limit=50):
    """Names of the stations of a region."""
    return get_names(region, limit)
'''
SERVER = '''// tided serves tide tables over HTTP.
package main

const defaultPort = 8470

func main() {
	port := flag.Int("port", defaultPort, "port to listen on")
	serve(*port)
}
'''


class CodeAnswers(CairnTest):
    def ask(self, question, *more, code=0):
        a = self.json("ask", "--mode", "lexical", *more, question, code=code)
        return a["answer"], [(os.path.basename(c["uri"]), c["text"]) for c in a["citations"]], a["short_answer"]

    def test_the_default_of_a_parameter_is_its_constants_value(self):
        self.write("src/fetch.py", FETCH)
        self.write("src/main.go", SERVER)
        self.index()
        self.assertEqual(self.ask("How many attempts does fetch_timetable make?", "--extractive"),
                         ("MAX_ATTEMPTS = 4 [1]", [("fetch.py", "MAX_ATTEMPTS = 4")], "4"))
        # Another function of the file has none.
        self.assertNotIn("4", self.ask("How many attempts does list_stations make?", "--extractive", code=None)[0])
        if model_path("qwen2.5-coder-0.5b", "model.gguf"):
            self.assertEqual(self.ask("How many attempts does fetch_timetable make?")[:2], ("4 [1]", [("fetch.py", "MAX_ATTEMPTS = 4")]))
            answer, cited, _ = self.ask("What port does tided listen on?")
            self.assertEqual((answer, cited), ("8470 [1]", [("main.go", "const defaultPort = 8470")]))


if __name__ == "__main__":
    main()
