/* tally.c - see tally.h. A text is read as words and the signs that matter; a tally is a run of parts, each a number beside the word of a
 * side, in one order throughout: "12 for, 3 against", "in favour: 12; against: 3", or "by 12 votes to 3". */
#include "retrieve/tally.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "retrieve/word_byte.h"
#include "retrieve/word_list.h"

#define WORDS_MAX  256
#define WORD_BYTES 40
#define FILLERS    2 /* words between two parts */
#define PARTS_MAX  6

typedef struct word {
    char text[WORD_BYTES]; /* in small letters; a sign by itself */
    size_t start, end;
} word;

static const char for_words[] = " for favour favor yes aye ayes yea yeas dafür ja ja-stimmen jastimmen pour sí favorevoli favorevole за ";
static const char against_words[] = " against gegen no nay nays noes opposed dagegen nein nein-stimmen neinstimmen gegenstimme gegenstimmen contra contre contrari contrario contro против ";
static const char abstained_words[] = " abstention abstentions abstained abstaining abstain enthaltung enthaltungen stimmenthaltung stimmenthaltungen enthielten "
                                      "abstención abstenciones abstuvieron abstenues astenuti astenuto astensioni воздержались воздержался воздержавшихся ";
static const char none_words[] = " none nobody zero nil one two three four five six seven eight nine ten eleven twelve keine keiner niemand ein eine einer zwei drei vier "
                                 "fünf sechs sieben acht neun zehn elf zwölf ninguno ninguna nadie una uno dos tres cuatro cinco seis siete ocho nueve diez "
                                 "aucun aucune personne un une deux trois quatre cinq sept huit neuf dix ";
static const char voters[] = " vote votes voted member members people were was stimme stimmen mitglieder voto votos voix in a en mit sind waren se voti голосов человек "; /* between a number and its side */
static const char joins[] = " , ; / ( and und y et with bei mit to but e и при con avec ";
static const char votes[] = " vote votes voted voting ballot abstimmung abstimmungen abgestimmt abstimmungsergebnis stimmen gestimmt stimmte stimmten votación votaciones votaron votó "
                            "votos voté votés votée votées votèrent voix scrutin "
                            "votato votata votano votazione voti голосов голосование проголосовал проголосовали проголосовало голосовали голосовало ";

static bool is(const char *list, const word *w)
{
    return word_list_has(list, w->text, strlen(w->text));
}

static size_t read_words(const char *text, size_t len, word *out, size_t most)
{
    size_t n = 0;

    for (size_t at = 0; at < len && n < most;) {
        size_t end = at;
        while (end < len && (is_word_byte(text[end]) || (text[end] == '-' && end > at && end + 1 < len && isalpha((unsigned char)text[end - 1]) && is_word_byte(text[end + 1]))))
            end++;
        if (end == at && !strchr(",;/(.:", text[at])) {
            at++;
            continue;
        }
        end += end == at;
        if (end - at < WORD_BYTES) {
            utf8_fold_latin(text + at, end - at, out[n].text);
            out[n].start = at;
            out[n++].end = end;
        } else {
            out[n++] = (word){"?", at, end};
        }
        at = end;
    }
    return n;
}

static bool is_number(const word *w)
{
    size_t n = strspn(w->text, "0123456789");

    return (n && n <= 6 && !w->text[n]) || is(none_words, w);
}

static bool side_of(const word *w, tally_side *out)
{
    *out = is(for_words, w) ? TALLY_FOR : is(against_words, w) ? TALLY_AGAINST : is(abstained_words, w) ? TALLY_ABSTAINED : TALLY_SIDES;
    return *out != TALLY_SIDES;
}

/* A part that begins at word i, its number before the word of its side or behind it; words read, 0: none. */
static size_t read_part(const word *w, size_t n, size_t i, bool number_first, tally *t, tally_side *side)
{
    size_t k = i, number;

    if (number_first) {
        /* "no abstentions" */
        bool no = i + 1 < n && !strcmp(w[i].text, "no") && is(abstained_words, &w[i + 1]);
        if (!is_number(&w[i]) && !no)
            return 0;
        number = i;
        for (k = i + 1; k < n && k - i <= 3 && is(voters, &w[k]) && !is(abstained_words, &w[k]); k++)
            ;
        if (k >= n || !side_of(&w[k], side))
            return 0;
    } else {
        while (k < n && k - i < 2 && is(" in a en votes stimmen votos voix ", &w[k]))
            k++;
        if (k >= n || !side_of(&w[k], side))
            return 0;
        for (k++; k < n && k - i < 4 && is(" : votes stimmen votos voix ", &w[k]); k++)
            ;
        if (k >= n || !is_number(&w[k]))
            return 0;
        number = k;
    }
    if (t->side[*side].end > t->side[*side].start)
        return 0;
    t->side[*side] = (text_span){w[number].start, w[number].end};
    return k + 1 - i;
}

/* A run of parts from word i on; false: fewer than two. */
static bool read_run(const word *w, size_t n, size_t i, bool number_first, tally *out)
{
    tally t = {0};
    size_t parts = 0, at = i, last = 0;
    tally_side side;

    while (at < n && parts < PARTS_MAX) {
        size_t used = read_part(w, n, at, number_first, &t, &side), skipped = 0;
        if (!used)
            break;
        parts++;
        at += used;
        last = at - 1;
        while (at < n && skipped < FILLERS && is(joins, &w[at])) {
            at++;
            skipped++;
        }
    }
    if (parts < 2)
        return false;
    t.whole = (text_span){w[i].start, w[last].end};
    *out = t;
    return true;
}

/* "by 12 votes to 3", "12 to 3 votes", "mit 12 zu 3 Stimmen". */
static bool read_ratio(const word *w, size_t n, size_t i, tally *out)
{
    static const char named[] = " vote votes stimmen votos voix voti голосов ", to[] = " to zu gegen a contre contra contro against против ";
    size_t k = i + 1, second, end;
    bool told = k < n && is(named, &w[k]);

    if (!isdigit((unsigned char)w[i].text[0]) || !is_number(&w[i]))
        return false;
    k += told;
    if (k + 1 >= n || !is(to, &w[k]) || !is_number(&w[k + 1]))
        return false;
    second = end = k + 1;
    if (!told && second + 1 < n && is(named, &w[second + 1])) {
        told = true;
        end++;
    }
    if (!told)
        return false;
    *out = (tally){.whole = {w[i].start, w[end].end}, .side = {{w[i].start, w[i].end}, {w[second].start, w[second].end}}};
    return true;
}

static bool begins(const char *s, size_t len, size_t at, const char *with)
{
    size_t n = strlen(with);

    return at <= len && len - at >= n && !memcmp(s + at, with, n);
}

/* The side that a Chinese word at s[at] names. */
static tally_side chinese_side(const char *s, size_t len, size_t at)
{
    return begins(s, len, at, "赞成") || begins(s, len, at, "同意") || begins(s, len, at, "支持") ? TALLY_FOR
           : begins(s, len, at, "反对")                                                         ? TALLY_AGAINST
           : begins(s, len, at, "弃权")                                                         ? TALLY_ABSTAINED
                                                                                                : TALLY_SIDES;
}

/* 九票赞成、两票反对、一票弃权; 赞成9票，反对2票. */
static bool read_chinese(const char *s, size_t len, tally *out)
{
    static const char *const signs[] = {"零", "〇", "一", "二", "两", "三", "四", "五", "六", "七", "八", "九", "十", "百", "千"};
    size_t parts = 0;

    *out = (tally){0};
    for (const char *p = s; (p = memmem(p, len - (size_t)(p - s), "票", 3)); p += 3) {
        size_t end = (size_t)(p - s), start = end;
        for (bool more = true; more;) {
            more = false;
            if (start && (isdigit((unsigned char)s[start - 1]) || s[start - 1] == ' ')) {
                start--;
                more = true;
            }
            for (size_t i = 0; !more && start >= 3 && i < sizeof signs / sizeof *signs; i++)
                if (!memcmp(s + start - 3, signs[i], 3)) {
                    start -= 3;
                    more = true;
                }
        }
        const size_t before = start;
        while (start < end && s[start] == ' ')
            start++;
        if (start == end)
            continue;
        tally_side side = chinese_side(s, len, end + 3);
        if (side == TALLY_SIDES && before >= 6)
            side = chinese_side(s, len, before - 6);
        if (side == TALLY_SIDES || out->side[side].end)
            continue;
        out->side[side] = (text_span){start, end + 3};
        if (!parts++)
            out->whole.start = start;
        out->whole.end = end + 3;
    }
    return parts > 1;
}

/* "有几票反对？": a side of a vote is counted. */
static bool asked_in_chinese(const char *question, size_t len, tally_side *side)
{
    *side = TALLY_SIDES;
    if (!memmem(question, len, "票", 3) || !(memmem(question, len, "几", 3) || memmem(question, len, "多少", 6)))
        return false;
    for (size_t i = 0; i < len && *side == TALLY_SIDES; i++)
        *side = chinese_side(question, len, i);
    return *side != TALLY_SIDES;
}

bool tally_find(const char *text, size_t len, tally *out)
{
    static const char whole[] = " unanimously unanimous einstimmig unanimidad unanimité ";
    word w[WORDS_MAX];
    size_t n = read_words(text, len, w, WORDS_MAX);

    for (size_t i = 0; i < n; i++)
        if (read_run(w, n, i, true, out) || read_run(w, n, i, false, out) || read_ratio(w, n, i, out))
            return true;
    for (size_t i = 0; i < n; i++)
        if (is(whole, &w[i])) {
            *out = (tally){.whole = {w[i].start, w[i].end}};
            return true;
        }
    return read_chinese(text, len, out);
}

bool tally_has_side(const char *text, size_t len, tally_side side)
{
    word w[WORDS_MAX];
    size_t n = read_words(text, len, w, WORDS_MAX);
    tally_side here;

    for (size_t i = 0; i < n; i++)
        if (side_of(&w[i], &here) && here == side)
            return true;
    for (size_t i = 0; i < len; i++)
        if (chinese_side(text, len, i) == side && side != TALLY_SIDES)
            return true;
    return false;
}

bool tally_is_vote(const char *text, size_t len)
{
    char folded[WORD_BYTES];

    if (len >= WORD_BYTES)
        return false;
    utf8_fold_latin(text, len, folded);
    return word_list_has(votes, folded, strlen(folded));
}

bool tally_asked(const char *question, size_t len, tally_side *side)
{
    static const char many[] = " many viele cuántos cuántas combien quanti quante сколько Сколько ";
    word w[WORDS_MAX];
    size_t n = read_words(question, len, w, WORDS_MAX);
    bool vote = false, counts = false;

    *side = TALLY_SIDES;
    for (size_t i = 0; i < n; i++) {
        tally_side s;
        bool behind = i && (is(votes, &w[i - 1]) || is(" were was in a ", &w[i - 1]));
        vote |= is(votes, &w[i]);
        counts |= is(many, &w[i]);
        if (*side == TALLY_SIDES && counts && side_of(&w[i], &s) && strcmp(w[i].text, "no") && (s != TALLY_FOR || behind))
            *side = s;
    }
    if (*side == TALLY_FOR && !vote)
        *side = TALLY_SIDES; /* "how many were for sale?" */
    if (!vote && *side == TALLY_SIDES)
        return asked_in_chinese(question, len, side);
    return vote || *side != TALLY_SIDES;
}

/* The number of a side, as the text has it, as a word of the claim. */
static bool has_number(const char *claim, size_t claim_len, const char *number, size_t n)
{
    for (size_t at = 0; n && at + n <= claim_len; at++)
        if (!memcmp(claim + at, number, n) && (!at || !is_word_byte(claim[at - 1])) && (at + n == claim_len || !is_word_byte(claim[at + n])))
            return true;
    return false;
}

bool tally_gives_side(const char *claim, size_t claim_len, const char *text, size_t len, tally_side side)
{
    tally t;

    return tally_find(text, len, &t) && has_number(claim, claim_len, text + t.side[side].start, t.side[side].end - t.side[side].start);
}

bool tally_is_cut(const char *claim, size_t claim_len, const char *text, size_t len)
{
    tally t;
    bool here = false, away = false;

    if (!tally_find(text, len, &t))
        return false;
    while (claim_len && strchr(" .,;", claim[claim_len - 1]))
        claim_len--;
    if (claim_len && claim_len < t.whole.end - t.whole.start && memmem(text + t.whole.start, t.whole.end - t.whole.start, claim, claim_len))
        return true; /* "abstentions" */
    for (size_t i = 0; i < TALLY_SIDES; i++) {
        size_t n = t.side[i].end - t.side[i].start;
        bool found = has_number(claim, claim_len, text + t.side[i].start, n);
        here |= n && found;
        away |= n && !found;
    }
    return here && away;
}
