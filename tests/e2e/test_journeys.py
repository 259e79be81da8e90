"""Which way and which end of a journey a question means: the flight home, and when it leaves."""
import os

from harness import CairnTest, main, model_path

BOOKING = """# Your booking Q7XK2L

## Outbound

| Flight | Date | From | To | Departs | Arrives |
| --- | --- | --- | --- | --- | --- |
| SK 1467 | 4 July 2026 | Oslo | Lisbon | 09:35 | 12:50 |

## Return

| Flight | Date | From | To | Departs | Arrives |
| --- | --- | --- | --- | --- | --- |
| SK 1468 | 19 July 2026 | Lisbon | Oslo | 13:40 | 18:55 |

Seats: 14A to 14D on the way out, 21C to 21F on the way back.
"""


class Journeys(CairnTest):
    def ask(self, question, *more):
        a = self.json("ask", "--mode", "lexical", *more, question)
        return a["answer"], [os.path.basename(c["uri"]) for c in a["citations"]], a["short_answer"]

    def test_the_way_and_the_end_that_are_asked_for(self):
        self.write("booking.md", BOOKING)
        self.write("bus.eml", "From: Ann <ann@house.example>\nTo: us@house.example\nDate: Mon, 02 Mar 2026 09:00:00 +0100\nSubject: Bus\n\n"
                   "The bus from Porto to Braga leaves at 08:10 and arrives at 09:25. The bus from Braga to Porto leaves at 17:30 and arrives at 18:45.\n")
        self.index()
        for more in ([], ["--extractive"]) if model_path("qwen2.5-coder-0.5b", "model.gguf") else (["--extractive"],):
            answer = self.ask("When is our flight home?", *more)[0]
            self.assertTrue("19 July 2026" in answer or "13:40" in answer, answer)
            self.assertNotIn("4 July", answer)
            answer = self.ask("At what time does our flight to Lisbon leave?", *more)[0]
            self.assertIn("09:35", answer)
            self.assertNotIn("13:40", answer)
            answer = self.ask("Where are our seats on the way back?", *more)[0]
            self.assertIn("21C to 21F", answer)
        self.assertEqual(self.ask("What time does our flight to Lisbon arrive?", "--extractive")[2], "12:50")
        self.assertEqual(self.ask("At what time does the bus to Porto leave?", "--extractive")[2], "17:30")
        self.assertEqual(self.ask("At what time does the bus to Braga arrive?", "--extractive")[2], "09:25")


if __name__ == "__main__":
    main()
