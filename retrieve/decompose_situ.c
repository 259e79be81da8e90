/* decompose_situ.c - a question that is said as a statement, its question word at the end, about a
 * thing that it describes: "The K1 is made by a company founded by whom?", "Nightjar was composed
 * by a man born in what year?".
 *
 * What stands before the description says which thing is meant, so the first question is that with
 * "which" for the article: "The K1 is made by which company?" The second one is asked of the name:
 * "N was founded by whom?" The description is the last noun with an article behind which a relative
 * clause, a participle, or a preposition before the question word begins. A statement that says
 * what something is ("Lerna is a town that has how many inhabitants?") describes what it names, and
 * is left alone, as is a noun with its name behind it ("the show Nightjar, written by whom?").
 * English. */
#include <ctype.h>
#include <string.h>

#include "retrieve/decompose_words.h"

#define HEAD_WORDS 6 /* between the article and the noun */
#define BEHIND     8 /* the question word and what stands behind it */

static const char asking[] = " what which who whom when where how ";
static const char relatives[] = " that which who whose ";
static const char copulas[] = " is was are were be been ";
static const char parts[] =
    " of in on at for by with to from and or as than about into over under between ";
static const char participles[] =
    " born built rebuilt made known written sold held won led run set sung taken given found drawn "
    "shot seen taught bought brought "
    "begun kept laid lost left paid sent told worn chosen driven flown hidden stolen thrown woven "
    "struck hung dug spoken "
    "grown broken bred fed cut put ";

/* Something has been said of the noun: "founded", "known", "operating". */
static bool is_participle(const reading *r, size_t i)
{
    const char *low = r->at[i].low;
    size_t n = strlen(low);

    return word_is(r, i, participles) ||
           (n > 4 && !r->at[i].capital &&
            (!strcmp(low + n - 2, "ed") || !strcmp(low + n - 3, "ing")));
}

/* The word that asks: the last one of its kind near the end; r->n: there is none, or the question
 * begins with one. Behind it stands no verb, as behind a relative ("the tube in which it was
 * tested"). */
static size_t find_asking(const reading *r)
{
    static const char may_begin[] =
        " is are was were do does did has have had can could will would should must may ";
    static const char clause[] =
        " the a an this that these those they he she it i we you his her its their there ";
    size_t asks = r->n;

    for (size_t i = 0; i < 3; i++)
        if (word_is(r, i, asking) || word_is(r, i, " whose why "))
            return r->n;
    if (word_is(r, 0, may_begin))
        return r->n;
    for (size_t i = r->n; i-- > 4 && i + BEHIND >= r->n && asks == r->n;)
        if (word_is(r, i, asking))
            asks = i;
    for (size_t i = asks + 1; i < r->n; i++)
        if (word_is(r, i, may_begin))
            return r->n;
    return word_is(r, asks, " which who ") && word_is(r, asks + 1, clause) ? r->n : asks;
}

/* Does the description of the noun before word k begin there? The word that asks is at `asks`. */
static bool begins(const reading *r, size_t k, size_t asks, bool definite)
{
    if (word_is(r, k, relatives))
        return k + 1 < asks;
    if (is_participle(r, k))
        return k + 1 == asks || word_is(r, k + 1, parts);
    return k + 1 == asks && !definite && !r->at[k - 1].comma && !r->at[k].capital &&
           word_is(r, k, " from in at near ");
}

/* Does the statement go on behind the description that begins at word k ("the area known as Lerna
 * was built on what?"), or another sentence ask? */
static bool goes_on(const reading *r, size_t k, size_t asks)
{
    size_t i = k + 1;

    for (const char *at = r->text + r->at[k].end; at < r->text + r->at[asks].start; at++)
        if (strchr(".?!:;", at[0]) && at[1] == ' ')
            return true;
    if (word_is(r, k, relatives)) {
        i += !word_is(r, i, auxiliaries) &&
             word_is(r, i + 1, auxiliaries); /* "which also has", "whose founder is" */
        while (word_is(r, i, auxiliaries))
            i++;
    }
    for (; i < asks; i++)
        if (word_is(r, i, " is are was were do does did has have had ") &&
            !word_is(r, i - 1, " and or that which who ") && !r->at[i - 1].comma)
            return true;
    return false;
}

/* The noun behind the article at `from`, whose description begins at the word behind it; 0: there
 * is none. */
static size_t find_noun(const reading *r, size_t from, size_t asks)
{
    size_t found = 0;

    for (size_t head = from + 1; head + 1 < asks && head <= from + HEAD_WORDS; head++) {
        bool whole =
            !r->at[head].capital || head == from + 1; /* "a University", but no "show Nightjar" */
        if (word_is(r, head, parts) || word_is(r, head, relatives) ||
            word_is(r, head, auxiliaries) || word_is(r, head, " a an the "))
            break;
        if (begins(r, head + 1, asks, word_is(r, from, " the ")) && !is_participle(r, head))
            found = whole ? head : 0; /* the last one: "an animated sitcom that" */
        if (r->at[head].comma)
            break;
    }
    return found && !goes_on(r, found + 1, asks) ? found : 0;
}

/* What is asked of the name, in its place: " was founded by whom?", "'s founder is whom?". */
static const char *asked_of(const reading *r, size_t k)
{
    const char *rest = r->text + r->at[k].start, *behind = r->text + r->at[k].end;

    if (word_is(r, k, " whose "))
        return arena_printf(r->a, "'s%s", behind);
    if (word_is(r, k, relatives))
        return arena_strdup(r->a, behind);
    return arena_printf(r->a, " %s %s", word_is(r, k, " from in at near ") ? "is" : "was", rest);
}

static bool take(reading *r, size_t from, size_t head)
{
    decomposition *out = r->out;
    const char *before = words_run(r, 0, from), *noun = words_run(r, from + 1, head + 1);
    bool person = word_is(r, head + 1, " who whose ") && !word_is(r, head + 1, " whose ");

    out->parts[0].side = noun;
    out->before = arena_strdup(r->a, "");
    out->after = asked_of(r, head + 1);
    if (!before || !noun || !out->before || !out->after)
        return false;
    out->parts[0].question = arena_printf(r->a, "%s which %s?", before, noun);
    out->namer = person ? arena_printf(r->a, "%s who?", before)
                        : arena_printf(r->a, "Who is it, %s %s?", before, noun);
    out->n_parts = 1;
    out->kind = DECOMPOSE_BRIDGE;
    out->claims = true;
    out->lang = "en";
    return out->parts[0].question && out->namer;
}

bool decompose_situ(reading *r)
{
    size_t asks = find_asking(r);

    for (size_t i = asks < r->n ? asks : 0; i-- > 1;) {
        size_t head = word_is(r, i, " a an the ") && !r->at[i].capital ? find_noun(r, i, asks) : 0;
        if (!head || (word_is(r, i - 1, " has have had having ") &&
                      !word_is(r, head + 1, " who whose "))) /* "has a population that exceeds" */
            continue;
        return !word_is(r, i - 1, copulas) && words_have_name(r, 0, i) && take(r, i, head);
    }
    return false;
}
