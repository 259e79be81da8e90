/* router.c - see router.h. */
#include "retrieve/router.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"

#define QUESTION_MAX 2048 /* bytes that are looked at */
#define LONG_WORDS   30
#define SURE         0.9f /* that the documents answer */
#define SHORT_WORDS  0.5f /* of EVIDENCE_LENGTH: 30 words */

/* What asks for more than a fact, in English, German, French and Spanish. */
static const struct {
    const char *words, *why;
} demanding[] = {
    {" why ", "it asks why"},           {" warum ", "it asks why"},        {" weshalb ", "it asks why"},
    {" wieso ", "it asks why"},         {" pourquoi ", "it asks why"},     {" por qué ", "it asks why"},
    {" how do ", "it asks how"},        {" how does ", "it asks how"},     {" how can ", "it asks how"},
    {" how should ", "it asks how"},    {" how to ", "it asks how"},       {" wie kann ", "it asks how"},
    {" wie geht ", "it asks how"},      {" wie funktioniert ", "it asks how"}, {" cómo ", "it asks how"},
    {" comment ", "it asks how"},       {" compare ", "it compares"},      {" compared ", "it compares"},
    {" difference ", "it compares"},    {" differences ", "it compares"},  {" differ ", "it compares"},
    {" versus ", "it compares"},        {" vs ", "it compares"},           {" unterschied ", "it compares"},
    {" unterschiede ", "it compares"},  {" unterscheiden ", "it compares"}, {" vergleiche ", "it compares"},
    {" différence ", "it compares"},    {" diferencia ", "it compares"},   {" explain ", "it wants an explanation"},
    {" erkläre ", "it wants an explanation"}, {" describe ", "it wants an explanation"},
    {" explica ", "it wants an explanation"}, {" explique ", "it wants an explanation"},
    {" summarise ", "it wants a summary"}, {" summarize ", "it wants a summary"}, {" summary ", "it wants a summary"},
    {" zusammenfassung ", "it wants a summary"}, {" fasse ", "it wants a summary"},
    {" resume ", "it wants a summary"}, {" résume ", "it wants a summary"},
};

static bool demands(const char *question, size_t len, const char **why)
{
    char low[QUESTION_MAX + 3], plain[QUESTION_MAX + 3];
    size_t n = 0, words = 0, marks = 0;

    len = len > QUESTION_MAX ? utf8_floor(question, QUESTION_MAX) : len;
    utf8_fold_latin(question, len, low);
    plain[n++] = ' ';
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)low[i];
        bool letter = isalnum(c) || c >= 0x80 || c == '\'';
        marks += c == '?';
        words += letter && plain[n - 1] == ' ';
        if (letter || plain[n - 1] != ' ')
            plain[n++] = letter ? (char)c : ' ';
    }
    if (plain[n - 1] != ' ')
        plain[n++] = ' ';
    plain[n] = '\0';
    for (size_t i = 0; i < sizeof demanding / sizeof *demanding; i++)
        if (strstr(plain, demanding[i].words)) {
            *why = demanding[i].why;
            return true;
        }
    *why = marks > 1 ? "it is several questions" : "it is long";
    return marks > 1 || words > LONG_WORDS;
}

route_grade route_grade_of(const char *question, size_t len, const evidence *e, const char **why)
{
    const evidence_sentence *best = e && e->n > e->n_planted ? &e->sentences[0] : NULL;

    if (demands(question, len, why))
        return ROUTE_HARD;
    if (best && e->answerable >= SURE && best->feature[EVIDENCE_TYPE_STRONG] > 0 &&
        best->feature[EVIDENCE_LENGTH] <= SHORT_WORDS) {
        *why = "the best sentence holds what it asks for";
        return ROUTE_EASY;
    }
    *why = "it asks for a fact";
    return ROUTE_MIDDLING;
}
