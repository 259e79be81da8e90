"""Which of two statements holds now: a later document corrects an earlier one, which is told in a clause."""
import os

from harness import CairnTest, main, need_model


def mail(date, subject, body):
    return f"From: Ann <ann@house.example>\nTo: all@house.example\nDate: {date}\nSubject: {subject}\nContent-Type: text/plain\n\n{body}\n"


MARCH, APRIL = "Mon, 03 Mar 2025 09:00:00 +0100", "Mon, 07 Apr 2025 09:00:00 +0200"


class Standing(CairnTest):
    def ask(self, question, *more):
        a = self.json("ask", "--mode", "lexical", *more, question)
        return a["answer"], [os.path.basename(c["uri"]) for c in a["citations"]], a["short_answer"]

    def test_the_later_document_answers(self):
        self.write("first.eml", mail(MARCH, "Roof", "The roof inspection is on 12 April. The attic has to be open."))
        self.write("second.eml", mail(APRIL, "Re: Roof", "The roof inspection moves to 19 April."))
        self.write("other.eml", mail(APRIL, "Re: Lift", "The lift inspection moves to 30 April."))
        self.write("fee-2024.md", "# Fees 2024\n\nDer Jahresbeitrag des Ruderclubs beträgt 90 Euro.\n")
        self.write("fee-2025.md", "# Fees 2025\n\nDer Jahresbeitrag des Ruderclubs beträgt 110 Euro.\n")
        self.write("flat3.eml", mail(MARCH, "Meters", "The meter reading in flat 3 is on 4 June."))
        self.write("flat5.eml", mail(APRIL, "Meters", "The meter reading in flat 5 has been moved to 11 June."))
        self.write("fair.eml", mail(MARCH, "Fair", "The village fair is on 3 May."))
        self.write("fair2.eml", mail(APRIL, "Re: Fair", "The village fair is cancelled."))
        self.index()
        self.assertEqual(self.ask("When is the roof inspection?", "--extractive"),
                         ("The roof inspection moves to 19 April. [1] An earlier document says otherwise: 12 April [2].", ["second.eml", "first.eml"], "19 April"))
        self.assertEqual(self.ask("Wie hoch ist der Jahresbeitrag des Ruderclubs?", "--extractive"),
                         ("Der Jahresbeitrag des Ruderclubs beträgt 110 Euro. [1] Ein früheres Dokument sagt etwas anderes: 90 Euro [2].",
                          ["fee-2025.md", "fee-2024.md"], "110 Euro"))
        self.assertEqual(self.ask("When is the village fair?", "--extractive")[:2],
                         ("The village fair is cancelled. [1] An earlier document says otherwise: 3 May [2].", ["fair2.eml", "fair.eml"]))
        # Of another thing, and where the year of the earlier one is asked for, nothing is corrected.
        for question, text, cited in (("When is the meter reading in flat 3?", "The meter reading in flat 3 is on 4 June. [1]", "flat3.eml"),
                                      ("Wie hoch ist der Jahresbeitrag des Ruderclubs 2024?", "Der Jahresbeitrag des Ruderclubs beträgt 90 Euro. [1]", "fee-2024.md")):
            self.assertEqual(self.ask(question, "--extractive")[:2], (text, [cited]))

    def test_the_time_of_a_file_tells_with_a_word_of_change(self):
        for name, text, age in (("a.txt", "The gate code of the boathouse is changed on 3 May.", 30), ("b.txt", "Correction: the gate code of the boathouse is changed on 9 May.", 2),
                                ("c.txt", "The regatta dinner of the boathouse is on 1 June.", 30), ("d.txt", "The regatta dinner of the boathouse is on 2 June.", 2)):
            path = self.write(name, text)
            os.utime(path, (1_700_000_000 - age * 86400,) * 2)
        self.index()
        self.assertEqual(self.ask("When is the gate code of the boathouse changed?", "--extractive")[1], ["b.txt", "a.txt"])
        self.assertEqual(len(self.ask("When is the regatta dinner of the boathouse?", "--extractive")[1]), 1)

    @need_model("qwen2.5-coder-0.5b", "model.gguf")
    def test_a_model_says_what_holds(self):
        self.write("first.eml", mail(MARCH, "Roof", "The roof inspection is on 12 April. The attic has to be open."))
        self.write("second.eml", mail(APRIL, "Re: Roof", "The roof inspection moves from 12 April to 19 April."))
        self.index()
        text, cited, _ = self.ask("When is the roof inspection?")
        self.assertIn("19 April", text.split("[1]")[0])
        self.assertIn("An earlier document says otherwise: 12 April [2].", text)
        self.assertEqual(cited, ["second.eml", "first.eml"])


if __name__ == "__main__":
    main()
