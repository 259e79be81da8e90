/* question_action.h - what a question asks to do: "When can I *return* a grinder?", "How much does it cost to *rent* the hall?",
 * "Bis wann kann ich den Kurs *stornieren*?", "¿Cuánto cuesta *alquilar* una bicicleta?", "Combien de jours puis-je *garder* le livre ?"
 *
 * What is said of the thing alone ("Faults of the grinder ... within 60 days") does not answer such a question. Only forms in which
 * the place of the verb is known are read: behind a modal verb and a pronoun, and an infinitive behind its preposition.
 *
 * Threads  any; no state. */
#ifndef CAIRN_RETRIEVE_QUESTION_ACTION_H
#define CAIRN_RETRIEVE_QUESTION_ACTION_H

#include "retrieve/sentences.h"

/* The verb's bytes in question[0, len); false: it has none of these forms, or the verb says nothing ("have", "bekommen"). */
bool question_action(const char *question, size_t len, text_span *out);

/* "Quand faut-il payer ?", "Wann ist die Rechnung fällig?": does the question ask for the time of a payment, and does a text speak of one
 * ("payable sous 30 jours", "zahlbar", "Zahlungsziel", "scadenza", "付款期限")? Documents say it in other words than people do. */
bool question_asks_payment(const char *question, size_t len);
bool text_speaks_of_payment(const char *text, size_t len);

#endif
