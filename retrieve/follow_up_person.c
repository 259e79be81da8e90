/* follow_up_person.c - he, she, her phone number: the one person that was spoken of in the place of the pronoun (follow_up.h).
 *
 * The person is the only name of the last reply, of two words and more or all that the reply is, else the only name of the
 * last question. Where both name somebody nothing tells whom the pronoun means, unless the question's is no person by what
 * stands before it ("of Harrow Mill"). Words that are carried over cannot do this: "What is her phone number? Rahman" finds
 * whoever's number comes first. */
#include "retrieve/follow_up.h"

#include <string.h>
#include <strings.h>

#include "retrieve/follow_up_words.h"
#include "retrieve/word_byte.h"

#define SHORT_REPLY 4 /* words of a reply that may be a name of one word */

static const char he[] = " he him his ";
static const char she[] = " she her hers ";
/* German possessives take the ending of their noun; "sie" and "ihr" also stand for several. */
static const char his_german[] = " er ihn ihm sein seine seinen seinem seiner seines ";
static const char her_german[] = " sie ihre ihren ihrem ihrer ihres ihr ";
static const char titles[] = " mr mrs ms dr prof sir frau herr herrn madame monsieur señor señora ";

typedef struct name {
    size_t start, end; /* bytes of its text */
    size_t n;          /* words */
    bool of;           /* behind a preposition or an article */
} name;

static bool is_name(const follow_text *t, size_t i)
{
    const follow_word *w = &t->at[i];

    if (i || w->kind != FOLLOW_PLAIN)
        return w->kind == FOLLOW_NAME;
    return is_capital(t->text + w->start, w->end - w->start) && !follow_is(follow_not_a_phrase, t->text, w) &&
           !follow_is(follow_articles, t->text, w) && !follow_is(follow_prepositions, t->text, w);
}

/* Do words i and i + 1 stand side by side, with the point of a title or an initial between them at most? */
static bool touch(const follow_text *t, size_t i)
{
    const follow_word *w = &t->at[i];
    size_t gap = t->at[i + 1].start - w->end;
    const char *between = t->text + w->end;

    if (gap == 1)
        return *between == ' ';
    return gap == 2 && !strncmp(between, ". ", 2) && (w->end - w->start == 1 || follow_is(titles, t->text, w));
}

/* The one name of at least so many words; false where there is none or another one, too. */
static bool only_name(const follow_text *t, size_t least, name *out)
{
    bool found = false;

    for (size_t i = 0; i < t->n; i++) {
        name one = {.n = 1};
        size_t first = i;
        if (!is_name(t, i))
            continue;
        while (i + 1 < t->n && touch(t, i) && is_name(t, i + 1))
            i++;
        one.start = t->at[first].start;
        one.end = t->at[i].end;
        one.n = i - first + 1;
        one.of = first && (follow_is(follow_prepositions, t->text, &t->at[first - 1]) ||
                           follow_is(follow_articles, t->text, &t->at[first - 1]));
        if (one.n < least || (found && one.end - one.start == out->end - out->start &&
                              !memcmp(t->text + one.start, t->text + out->start, one.end - one.start)))
            continue;
        if (found)
            return false;
        *out = one;
        found = true;
    }
    return found;
}

/* "the mill" in a question: then "Harrow Mill" is no person. */
static bool is_thing(const follow_text *q, const char *name, size_t len)
{
    for (size_t i = 0; i < q->n; i++) {
        size_t n = q->at[i].end - q->at[i].start;
        const char *word = q->text + q->at[i].start;
        if (n > 2 && n <= len && !is_capital(word, n) && !strncasecmp(name + len - n, word, n))
            return true;
    }
    return false;
}

static bool asks_who(const follow_text *q)
{
    for (size_t i = 0; i < q->n; i++)
        if (follow_is(" who whom whose wer wen wem wessen ", q->text, &q->at[i]))
            return true;
    return false;
}

/* Who was spoken of, as a text in `words`; false: nobody, or more than one. Every German noun has a capital, and "400 Euro" a
 * word that looks like a name: one of one word counts only where it is all that was replied to who asked for somebody, or in
 * a question that is not German. */
static bool person_of(const follow_up_turn *last, bool german, follow_text *words, name *out)
{
    follow_text question;
    name asked, told;
    bool in_question, in_reply = false;

    follow_read(last->question, follow_lead(last->question), strlen(last->question), &question);
    in_question = only_name(&question, german ? 2 : 1, &asked);
    if (last->reply) {
        follow_read(last->reply, 0, strcspn(last->reply, "["), words);
        in_reply = only_name(words, words->n <= SHORT_REPLY && asks_who(&question) ? 1 : 2, &told);
    }
    if (in_reply && (!in_question || asked.of)) {
        *out = told;
        return true;
    }
    if (in_reply || !in_question || asked.of)
        return false;
    *words = question;
    *out = asked;
    return true;
}

static bool is_pronoun(const follow_text *q, size_t i, bool *female, bool *german)
{
    const follow_word *w = &q->at[i];

    *german = follow_is(his_german, q->text, w) || follow_is(her_german, q->text, w);
    *female = follow_is(she, q->text, w) || follow_is(her_german, q->text, w);
    if (i && *german && is_capital(q->text + w->start, w->end - w->start))
        return false; /* "Sie", "Ihre": who is spoken to */
    return *german || *female || follow_is(he, q->text, w);
}

/* "her phone number", "seine Adresse": what follows is what the person has. */
static bool owns(const follow_text *q, size_t i, bool german)
{
    const follow_word *w = &q->at[i], *next = w + 1;
    bool object = follow_is(" he him she hers er ihn ihm sie ", q->text, w);

    if (object || i + 1 == q->n)
        return false;
    if (german && follow_is(" ihr sein ", q->text, w)) /* "Wo wird er sein", "Was gehört ihr" */
        return is_capital(q->text + next->start, next->end - next->start);
    return !follow_is(follow_prepositions, q->text, next) && !follow_is(follow_joins, q->text, next) &&
           !follow_is(follow_articles, q->text, next);
}

cairn_status follow_up_person(const char *question, const follow_up_turn *last, arena *a, follow_up *out, cairn_error *err)
{
    follow_text q, words;
    name who;
    size_t at = 0, n = 0, from = follow_lead(question);
    bool females = false, possessive, german = false;
    const char *ending = "";

    *out = (follow_up){.replaced = ""};
    from += strspn(question + from, " ,");
    follow_read(question, from, strlen(question), &q);
    for (size_t i = 0; i < q.n; i++) {
        bool female, is_german;
        if (!is_pronoun(&q, i, &female, &is_german)) {
            if (!n && i && is_name(&q, i))
                return CAIRN_OK; /* it may be whom the pronoun means */
            continue;
        }
        if (n++ && female != females)
            return CAIRN_OK;
        if (n == 1) {
            at = i;
            females = female;
            german = is_german;
        }
    }
    if (!n || q.n == FOLLOW_WORDS_MAX || !person_of(last, german, &words, &who) ||
        is_thing(&q, words.text + who.start, who.end - who.start))
        return CAIRN_OK;
    possessive = owns(&q, at, german);
    if (follow_is(" sein ihr ", q.text, &q.at[at]) && !possessive)
        return CAIRN_OK;
    if (possessive && german)
        ending = strchr("sxz", words.text[who.end - 1]) ? "'" : "s";
    else if (possessive)
        ending = "'s";
    out->whole = arena_printf(a, "%.*s%.*s%s%s", (int)(q.at[at].start - from), question + from, (int)(who.end - who.start), words.text + who.start, ending,
                              question + q.at[at].end);
    return out->whole ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "rewriting a question");
}
