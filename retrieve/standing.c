/* standing.c - see standing.h. Lists of words stand between blanks; texts are folded to small letters first. */
#include "retrieve/standing.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"
#include "retrieve/quantity.h"
#include "retrieve/standing_inside.h"
#include "retrieve/terms.h"
#include "retrieve/vague_time.h"
#include "retrieve/word_byte.h"
#include "retrieve/word_list.h"

#define FOLDED_MAX   STANDING_FOLDED
#define ARENA_BYTES  STANDING_ARENA
#define ALIKE_LEAST  0.6 /* share of the words of either sentence that the other has */
#define TITLES_LEAST 0.5 /* of the shorter title's words */

/* ---- words ---- */

static const char *const earlier_asked[] = {
    "originally", "original", "at first", "first supposed", "first planned", "previous", "previously", "former", "formerly", "old", "used to be",
    "before the change", "ursprünglich~", "zuerst", "früher~", "vorher~", "bisher~", "alte", "alten", "alter", "al principio", "originalmente",
    "antes", "anterior~", "antiguo", "antigua", "à l'origine", "au départ", "avant", "ancien~", "précédent~", "initialement", "inicialmente",
};

static const char *const changed_words[] = {
    "moves to", "moved to", "move to", "is moved", "been moved", "moved from", "moves from", "postpone~", "reschedul~", "delayed", "delay", "put off",
    "brought forward", "correction", "corrected", "corrects", "correcting", "erratum", "errata", "fe de erratas", "debe decir", "supersede~", "replaces", "replaced by", "instead", "rather than",
    "changes from", "changes to", "changed to", "changed from", "has changed", "amend~", "revised", "revision", "increased to", "raised to", "rises to", "reduced to",
    "lowered to", "goes up to", "goes down to", "new date", "new time", "new price", "but on", "update",
    "verschoben", "verlegt", "verschiebt", "vorverlegt", "vorgezogen", "korrektur", "korrigiert", "berichtig~", "ersetzt", "anstatt", "stattdessen",
    "änderung~", "geändert", "ändert", "erhöht", "gesenkt", "steigt auf", "sinkt auf", "neuer termin", "neuer preis", "terminänderung", "aktualisiert~", "sondern",
    "cambia~", "cambio", "se traslada", "traslad~", "aplaz~", "pospon~", "pospuest~", "adelant~", "corrección", "corrig~", "sustituye~", "reemplaz~",
    "en lugar de", "en vez de", "modific~", "actualiz~", "sube a", "baja a", "nueva fecha", "nuevo precio", "sino",
    "reporté~", "reporter", "reportons", "déplac~", "avancé", "avancée", "décal~", "rectif~", "correctif", "corrigé~", "remplac~", "au lieu", "plutôt que", "modifi~", "passe à",
    "passera à", "porté à", "portée à", "nouvelle date", "nouveau prix", "nouveau tarif", "mise à jour", "mais le",
};

static const char *const now_words[] = {
    "now", "as of", "from now on", "with effect from", "effective", "no longer", "henceforth", "not until", "new", "ab sofort", "ab jetzt", "nun", "jetzt",
    "nunmehr", "künftig", "nicht mehr", "erst am", "erst im", "gilt ab", "mit wirkung vom", "neu", "neue", "neuer", "ahora", "a partir de", "desde ahora", "ya no", "en adelante",
    "désormais", "à compter d~", "à partir d~", "dorénavant", "ne plus", "n'est plus", "maintenant",
};

static const char *const cancelled_words[] = {
    "cancelled", "canceled", "called off", "will not take place", "does not take place", "abgesagt", "fällt aus", "entfällt", "findet nicht statt",
    "cancelad~", "se cancela", "suspendid~", "se suspende", "no se celebra", "annulé~", "supprimé~", "n'aura pas lieu", "n'a pas lieu",
};

/* What happens, of whatever is asked: no sign of a matter. */
static const char generic[] =
    " be take takes taken taking place places happen happens begin begins beginning start starts hold held holding cost costs price come comes coming pay paid due "
    "scheduled planned plan set get gets have date time day days many much will be is are on at long "
    "stattfinden statt findet finden beginnt beginnen kostet kosten kommt kommen ist sind betragen beträgt hoch teuer viel lange termin datum uhr tag "
    "es son tiene lugar celebra celebrar empieza empezar cuesta costar cuánto cuándo cuál qué fecha hora precio "
    "a avoir ont aura lieu coûte coûter commence commencer tient tenir combien quand quel quelle date heure prix tarif ";

static bool at_word(const char *text, size_t at, size_t len, bool open)
{
    return (!at || !is_word_byte(text[at - 1])) && (open || !is_word_byte(text[at + len]));
}

/* Does one of the entries stand in the folded text? '~' at its end lets the word go on. */
bool standing_has_entry(const char *text, const char *const *entries, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strcspn(entries[i], "~");
        for (const char *from = text, *at; (at = memmem(from, strlen(from), entries[i], len)); from = at + len)
            if (at_word(text, (size_t)(at - text), len, entries[i][len] == '~'))
                return true;
    }
    return false;
}

#define HAS(text, list) standing_has_entry(text, list, sizeof list / sizeof *list)

const char *standing_fold(const char *s, size_t len, char out[FOLDED_MAX + 1])
{
    len = len > FOLDED_MAX ? utf8_floor(s, FOLDED_MAX) : len;
    utf8_fold_latin(s, len, out);
    for (char *c = out; *c; c++)
        if (*c == '\n' || *c == '\t')
            *c = ' ';
    return out;
}

bool standing_asks_earlier(const char *question)
{
    char text[FOLDED_MAX + 1];

    return HAS(standing_fold(question, strlen(question), text), earlier_asked) || standing_asks_before(question);
}

/* "statt 14 Uhr", and not the end of a verb: "findet am 11. Juli statt", "fand 2024 im Saal statt und war voll". */
static bool has_instead(const char *text)
{
    static const char *const verbs[] = {"findet", "finden", "fand", "fanden"};
    const char *verb = NULL;

    for (const char *at = text; *at; at++) {
        if (at > text && is_word_byte(at[-1]))
            continue;
        for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
            if (!strncmp(at, verbs[i], strlen(verbs[i])) && !is_word_byte(at[strlen(verbs[i])]))
                verb = at;
        if (strncmp(at, "statt", 5) != 0 || is_word_byte(at[5]))
            continue;
        if (!verb && strspn(at + 5, " ") && is_word_byte(at[5 + strspn(at + 5, " ")]))
            return true;
        verb = NULL;
    }
    return false;
}

bool standing_has_change(const char *folded)
{
    return HAS(folded, changed_words) || has_instead(folded);
}

/* "Der Lauf fällt wegen Sturm aus.": the end of the verb at the sentence's. */
static bool falls_out(const char *text)
{
    const char *verb = strstr(text, " fällt ");
    size_t len = strlen(text);

    while (len && !is_word_byte(text[len - 1]))
        len--;
    return verb && len >= 4 && !memcmp(text + len - 4, " aus", 4) && verb < text + len - 4;
}

standing_change standing_change_of(const standing_text *t)
{
    const char *heads[] = {t->title, t->heading};
    char text[FOLDED_MAX + 1];
    standing_change found = STANDING_NONE;

    standing_fold(t->passage + t->start, t->end - t->start, text);
    if (HAS(text, cancelled_words) || falls_out(text))
        return STANDING_CANCELLED;
    if (standing_has_change(text))
        return STANDING_CHANGED;
    if (HAS(text, now_words))
        found = STANDING_NOW;
    standing_fold(t->passage + t->before, t->after - t->before, text);
    if (standing_has_change(text))
        return STANDING_CHANGED;
    for (size_t i = 0; i < 2; i++)
        if (heads[i] && standing_has_change(standing_fold(heads[i], strlen(heads[i]), text)))
            return STANDING_CHANGED;
    return found;
}

/* A sentence by itself. */
static standing_text alone(const standing_text *t)
{
    standing_text s = *t;

    s.before = t->start;
    s.after = t->end;
    return s;
}

standing_change standing_change_within(const standing_text *t)
{
    static const char *const labels[] = {"corrections", "changes", "amendments", "updates", "errata", "korrekturen", "nachtrag", "nachträge", "cambios", "correcciones",
                                         "modificaciones", "changements", "modifications", "rectificatifs"};
    standing_text itself = alone(t);
    standing_change own;
    const char *label;
    text_span line;
    char text[FOLDED_MAX + 1];

    itself.title = itself.heading = NULL;
    own = standing_change_of(&itself);
    if (own >= STANDING_CHANGED || !standing_label(t, &line, &label) || (label != t->passage && strstr(label + line.start, ", ")) ||
        (label != t->passage && t->title && !strcmp(label + line.start, t->title)))
        return own;
    standing_fold(label + line.start, line.end - line.start, text);
    return standing_has_change(text) || HAS(text, labels) ? STANDING_CHANGED : own;
}

bool standing_is_replaced(const char *text, text_span at, bool last)
{
    static const char *const leaves[] = {"instead of", "rather than", "not", "statt", "anstatt", "nicht", "en lugar del", "en lugar de", "en vez del", "en vez de",
                                         "no", "au lieu du", "au lieu de", "pas", "replaces", "replacing", "ersetzt", "plutôt que", "was", "war"};
    static const char *const parts[] = {"from", "von", "vom", "del", "desde", "desde el", "du", "de"};
    static const char fillers[] = " the on at to am um dem den der el la las los le les à a auf ";
    char folded[FOLDED_MAX + 1];
    size_t from = at.start > 40 ? at.start - 40 : 0, end;

    standing_fold(text + from, at.start - from, folded);
    for (end = strlen(folded);;) { /* articles and prepositions right before the value */
        size_t begin;
        while (end && !is_word_byte(folded[end - 1]))
            end--;
        for (begin = end; begin && is_word_byte(folded[begin - 1]);)
            begin--;
        if (begin == end || !word_list_has(fillers, folded + begin, end - begin))
            break;
        end = begin;
    }
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        size_t len = strlen(leaves[i]);
        if (end >= len && !memcmp(folded + end - len, leaves[i], len) && (end == len || !is_word_byte(folded[end - len - 1])))
            return true;
    }
    for (size_t i = 0; !last && i < sizeof parts / sizeof *parts; i++) {
        size_t len = strlen(parts[i]);
        if (end >= len && !memcmp(folded + end - len, parts[i], len) && (end == len || !is_word_byte(folded[end - len - 1])))
            return true;
    }
    return false;
}

/* ---- one matter or two ---- */

/* A statement's words: the sentence's, and those around and above it. */
typedef struct said {
    const standing_text *t;
    const char *text; /* the sentence */
    size_t len;
    term_list own, near, above; /* above: title, heading, name of the file, of a row the columns */
    quantity *q;
    size_t n_q;
    text_span *times; /* that are no date */
    size_t n_times;
} said;

static void said_clear(said *s)
{
    term_list_clear(&s->own);
    term_list_clear(&s->near);
    term_list_clear(&s->above);
}

static cairn_status said_read(analyzer *an, const standing_text *t, arena *a, said *s, cairn_error *err)
{
    bytes above;
    cairn_status st;

    *s = (said){.t = t, .text = t->passage + t->start, .len = t->end - t->start};
    bytes_init(&above, (size_t)1 << 20);
    st = bytes_printf(&above, "%s\n%s\n%s\n%.*s", t->title ? t->title : "", t->heading ? t->heading : "", standing_name_of(t->uri), (int)t->head_end,
                      t->passage);
    for (size_t i = 0; i < above.len; i++)
        if (above.data[i] == '_' || above.data[i] == '-')
            above.data[i] = ' ';
    if (!st)
        st = terms_read(an, t->lang, (const char *)above.data, above.len, &s->above, err);
    bytes_clear(&above);
    if (!st)
        st = terms_read(an, t->lang, s->text, s->len, &s->own, err);
    if (!st)
        st = terms_read(an, t->lang, t->passage + t->before, t->after - t->before, &s->near, err);
    if (!st)
        st = quantities_find(s->text, s->len, a, &s->q, &s->n_q, err);
    if (!st && !(s->times = arena_calloc(a, s->n_q + s->len / 2 + 1, sizeof *s->times)))
        st = cairn_fail(err, CAIRN_ENOMEM, "statements");
    if (!st)
        s->n_times = vague_times(s->text, s->len, s->q, s->n_q, s->times, s->n_q + s->len / 2);
    return st;
}

static bool has_anywhere(const said *s, uint64_t key)
{
    return terms_have(s->own.at, s->own.n, key) || terms_have(s->near.at, s->near.n, key) || terms_have(s->above.at, s->above.n, key);
}

/* Part of a date, a time, or of a number with a unit? */
static bool in_value(const said *s, const text_term *t)
{
    for (size_t i = 0; i < s->n_q; i++)
        if ((s->q[i].kind != QUANTITY_NUMBER || s->q[i].unit || s->q[i].year_like) && t->start < s->q[i].end && t->end > s->q[i].start)
            return true;
    for (size_t i = 0; i < s->n_times; i++)
        if (t->start < s->times[i].end && t->end > s->times[i].start)
            return true;
    for (size_t i = 0; i < s->t->n_values && s->text == s->t->passage + s->t->start; i++)
        if (t->start + s->t->start < s->t->values[i].end && t->end + s->t->start > s->t->values[i].start)
            return true;
    return false;
}

static bool is_generic(const char *text, const text_term *t)
{
    char word[FOLDED_MAX + 1];

    standing_fold(text + t->start, t->end - t->start, word);
    return !(t->weight > 0) || word_list_has(generic, word, strlen(word));
}

static bool is_sign(const char *text, const text_term *t)
{
    char word[FOLDED_MAX + 1];

    static const char limits[] = " fe erratas erratum errata edit effect effective starting beginning onwards then thereafter wirkung gültig dann danach efecto vigor partir contar luego después compter vigueur ensuite puis ";

    standing_fold(text + t->start, t->end - t->start, word);
    return word_list_has(limits, word, strlen(word)) || HAS(word, changed_words) || HAS(word, now_words) || HAS(word, cancelled_words) || !strcmp(word, "statt") || !strcmp(word, "re") || !strcmp(word, "aw") ||
           !strcmp(word, "fwd") || !strcmp(word, "date") || !strcmp(word, "notice") || !strcmp(word, "update");
}

/* May the word tell one matter from another? */
static bool tells(const said *s, const text_term *t)
{
    return !is_generic(s->text, t) && !t->number && !in_value(s, t) && !is_sign(s->text, t);
}

/* Does nothing but blanks and words of `between` stand between two words? */
static bool joined(const char *text, size_t from, size_t to, const char *between, size_t most)
{
    size_t words = 0;

    while (from < to) {
        size_t end = from;
        char word[FOLDED_MAX + 1];
        if (text[from] == ' ') {
            from++;
            continue;
        }
        while (end < to && (is_word_byte(text[end]) || text[end] == '\''))
            end++;
        if (end == from || ++words > most)
            return false;
        standing_fold(text + from, end - from, word);
        if (!between || !word_list_has(between, word, strlen(word)))
            return false;
        from = end;
    }
    return true;
}

/* What is said with a word: the word right before it, behind "of the" and the like, and in Spanish and French right behind it. */
static const text_term *beside(const said *s, size_t i, int slot)
{
    static const char preposition[] = " of for in at from the a an von vom der des dem den für im in am zur zum de del la el las los du des d' l' le les para pour en au aux à ";
    const text_term *t = &s->own.at[i], *o;

    if (slot == 0) { /* before */
        if (!i || !(s->own.at[i - 1].weight > 0))
            return NULL;
        o = &s->own.at[i - 1];
        return joined(s->text, o->end, t->start, NULL, 0) && tells(s, o) ? o : NULL;
    }
    for (size_t k = i + 1; k < s->own.n && k <= i + 4; k++) {
        o = &s->own.at[k];
        if (!(o->weight > 0))
            continue;
        if (!joined(s->text, t->end, o->start, preposition, 3) || !tells(s, o))
            return NULL;
        bool right_behind = joined(s->text, t->end, o->start, NULL, 0);
        bool romance = !strcmp(s->t->lang, "es") || !strcmp(s->t->lang, "fr");
        return right_behind && !romance ? NULL : o;
    }
    return NULL;
}

/* "The survey of the north orchard" and "... of the south orchard". */
static bool qualified_otherwise(const said *x, const said *y, const term_list *asked, const char *question)
{
    for (size_t k = 0; k < asked->n; k++) {
        if (is_generic(question, &asked->at[k]))
            continue;
        for (size_t i = 0; i < x->own.n; i++)
            for (size_t j = 0; x->own.at[i].key == asked->at[k].key && j < y->own.n; j++)
                for (int slot = 0; y->own.at[j].key == asked->at[k].key && slot < 2; slot++) {
                    const text_term *a = beside(x, i, slot), *b = beside(y, j, slot);
                    if (a && b && a->key != b->key && !has_anywhere(y, a->key) && !has_anywhere(x, b->key))
                        return true;
                }
    }
    return false;
}

/* A thing's number: "flat 3", "house 12". */
static bool numbered(const term_list *l, size_t i, const char *text, const said *s)
{
    return i + 1 < l->n && l->at[i].weight > 0 && !l->at[i].number && (l->at[i + 1].number || l->at[i + 1].identifier) &&
           joined(text, l->at[i].end, l->at[i + 1].start, NULL, 0) && text[l->at[i + 1].end] != ':' && !(s && in_value(s, &l->at[i + 1])); /* "Item 3: ..." */
}

static bool is_numbered_in_question(const term_list *asked, const char *question, uint64_t key)
{
    for (size_t i = 0; i < asked->n; i++)
        if (asked->at[i].key == key && numbered(asked, i, question, NULL))
            return true;
    return false;
}

static bool is_version_or_year(const char *text, const text_term *t)
{
    size_t len = t->end - t->start;
    const char *s = text + t->start;

    return ((*s == 'v' || *s == 'V') && len > 1 && isdigit((unsigned char)s[1])) || (t->number && len == 4 && (!memcmp(s, "19", 2) || !memcmp(s, "20", 2)));
}

/* Two things of one kind: "flat 3" and "flat 5", where the number is not what is asked for ("in which room"). */
static bool numbered_otherwise(const said *x, const said *y, const term_list *asked, const char *question)
{
    for (size_t i = 0; i < x->own.n; i++) {
        uint64_t key = x->own.at[i].key;
        if (!numbered(&x->own, i, x->text, x) || (terms_have(asked->at, asked->n, key) && !is_numbered_in_question(asked, question, key)))
            continue;
        for (size_t j = 0; j < y->own.n; j++)
            if (y->own.at[j].key == key && numbered(&y->own, j, y->text, y) && y->own.at[j + 1].key != x->own.at[i + 1].key)
                return true;
    }
    return false;
}

/* Each has a designation or, where `names`, a name that the other lacks. */
static bool named_otherwise(const said *x, const said *y, bool names)
{
    bool lacks[2] = {false, false};
    const said *all[2] = {x, y};

    for (int side = 0; side < 2; side++) {
        const said *here = all[side], *there = all[!side];
        for (size_t i = 0; i < here->own.n; i++) {
            const text_term *t = &here->own.at[i];
            if ((t->identifier || (names && t->name)) && !in_value(here, t) && !is_sign(here->text, t) && !is_version_or_year(here->text, t) &&
                !has_anywhere(there, t->key))
                lacks[side] = true;
        }
    }
    return lacks[0] && lacks[1];
}

/* Share of a's words that tell something which b has. */
static double shared(const said *x, const said *y)
{
    size_t n = 0, same = 0;

    for (size_t i = 0; i < x->own.n; i++)
        if (tells(x, &x->own.at[i])) {
            n++;
            same += terms_have(y->own.at, y->own.n, x->own.at[i].key);
        }
    return n ? (double)same / (double)n : 0;
}

/* The words of a title that tell what it is of: no numbers, dates and months, no signs of an answer or correction. */
static size_t title_words(const said *s, const char *title, const term_list *l, uint64_t *out)
{
    said of = {.t = s->t, .text = title, .len = strlen(title)};
    arena a;
    size_t n = 0;

    arena_init(&a, ARENA_BYTES);
    if (!quantities_find(title, of.len, &a, &of.q, &of.n_q, NULL) && (of.times = arena_calloc(&a, of.n_q + of.len / 2 + 1, sizeof *of.times)))
        of.n_times = vague_times(title, of.len, of.q, of.n_q, of.times, of.n_q + of.len / 2);
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i].weight > 0 && !l->at[i].number && !is_version_or_year(title, &l->at[i]) && !in_value(&of, &l->at[i]) && !is_sign(title, &l->at[i]))
            out[n++] = l->at[i].key;
    arena_clear(&a);
    return n;
}

/* Titles of one series: those of minutes, versions, answers to a mail. Without words of its own a title fits any, *empty. */
static cairn_status titles_agree(analyzer *an, const said *x, const said *y, bool *agree, bool *empty, cairn_error *err)
{
    const said *s[2] = {x, y};
    term_list l[2] = {{0}};
    uint64_t *words[2] = {NULL, NULL};
    size_t n[2] = {0, 0}, same = 0;
    cairn_status st = CAIRN_OK;

    for (int i = 0; i < 2 && !st; i++) {
        const char *title = s[i]->t->title && *s[i]->t->title ? s[i]->t->title : standing_name_of(s[i]->t->uri);
        st = terms_read(an, x->t->lang, title, strlen(title), &l[i], err);
        if (!st && !(words[i] = malloc((l[i].n + 1) * sizeof **words)))
            st = cairn_fail(err, CAIRN_ENOMEM, "titles");
        if (!st)
            n[i] = title_words(s[i], title, &l[i], words[i]);
    }
    for (size_t i = 0; i < n[0]; i++)
        for (size_t j = 0; j < n[1]; j++)
            if (words[0][i] == words[1][j]) {
                same++;
                break;
            }
    *empty = !n[0] || !n[1];
    *agree = *empty || (double)same >= TITLES_LEAST * (double)(n[0] < n[1] ? n[0] : n[1]);
    for (int i = 0; i < 2; i++) {
        free(words[i]);
        term_list_clear(&l[i]);
    }
    return st;
}

/* Has y every telling word of the question that x has in or above it? *own: both have all of them, two or more, in the sentences. */
static bool answers_as_much(const said *x, const said *y, const term_list *asked, const char *question, bool *own)
{
    size_t n = 0;

    *own = true;
    for (size_t k = 0; k < asked->n; k++) {
        const text_term *t = &asked->at[k];
        if (is_generic(question, t) || !(t->weight > 0))
            continue;
        n++;
        if (has_anywhere(x, t->key) != has_anywhere(y, t->key))
            return false;
        *own &= terms_have(x->own.at, x->own.n, t->key) && terms_have(y->own.at, y->own.n, t->key);
    }
    *own &= n >= 2;
    return n > 0;
}

/* Does the question name a year that is that of one document only? */
static bool of_named_year(const term_list *asked, const char *question, const standing_text *x, const standing_text *y)
{
    for (size_t i = 0; i < asked->n; i++) {
        int year = asked->at[i].number && asked->at[i].end - asked->at[i].start == 4 ? atoi(question + asked->at[i].start) : -1;
        standing_stamp a = {0}, b = {0};
        if (year < 1990 || year > 2099)
            continue;
        if (x->date_ns)
            standing_stamp_day(x->date_ns, &a);
        if (y->date_ns)
            standing_stamp_day(y->date_ns, &b);
        if ((a.year == year) != (b.year == year))
            return true;
    }
    return false;
}

/* Does y stand right behind x and say nothing of what x and the question do not speak of? */
static bool goes_on(const said *x, const said *y, const term_list *asked)
{
    bool other = false;

    if (x->t->passage != y->t->passage || y->t->before != x->t->start || y->t->start < x->t->end)
        return false;
    for (size_t i = 0; i < y->own.n; i++)
        other |= tells(y, &y->own.at[i]) && !terms_have(asked->at, asked->n, y->own.at[i].key) && !terms_have(x->own.at, x->own.n, y->own.at[i].key);
    return !other;
}

cairn_status standing_same_matter(analyzer *an, const char *question, const standing_text *x, const standing_text *y, bool one_document,
                                  standing_match *out, cairn_error *err)
{
    const standing_text of[2] = {one_document ? alone(x) : *x, one_document ? alone(y) : *y};
    term_list asked = {0};
    said a = {0}, b = {0};
    bool own = false, agree = false, empty, fits;
    arena memory;
    cairn_status st;

    *out = (standing_match){0};
    if (strcmp(x->lang ? x->lang : "", y->lang ? y->lang : "") != 0)
        return CAIRN_OK;
    arena_init(&memory, ARENA_BYTES);
    st = terms_read(an, x->lang, question, strlen(question), &asked, err);
    if (!st)
        st = said_read(an, &of[0], &memory, &a, err);
    if (!st)
        st = said_read(an, &of[1], &memory, &b, err);
    if (!st)
        st = titles_agree(an, &a, &b, &agree, &empty, err);
    if (!st) {
        fits = answers_as_much(&a, &b, &asked, question, &own);
        out->same = fits && (own || agree) && !of_named_year(&asked, question, x, y) && !numbered_otherwise(&a, &b, &asked, question) &&
                !named_otherwise(&a, &b, false) && !qualified_otherwise(&a, &b, &asked, question);
        out->own = out->same && own;
        out->alike = out->same && agree && !x->head_end == !y->head_end && shared(&a, &b) >= ALIKE_LEAST && shared(&b, &a) >= ALIKE_LEAST &&
                 !named_otherwise(&a, &b, true);
        a.t = x;
        b.t = y;
        if (one_document && (goes_on(&a, &b, &asked) || goes_on(&b, &a, &asked)))
            *out = (standing_match){true, true, true, !out->alike};
    }
    said_clear(&a);
    said_clear(&b);
    term_list_clear(&asked);
    arena_clear(&memory);
    return st;
}

cairn_status standing_one_series(analyzer *an, const standing_text *x, const standing_text *y, bool *one, cairn_error *err)
{
    const said a = {.t = x}, b = {.t = y};
    bool empty = true;
    cairn_status st = titles_agree(an, &a, &b, one, &empty, err);

    *one = !st && *one && !empty;
    return st;
}

cairn_status standing_same_subject(analyzer *an, const char *question, const standing_text *t, size_t from, bool *same, cairn_error *err)
{
    term_list asked = {0};
    said a = {0};
    arena memory;
    cairn_status st;

    *same = true;
    arena_init(&memory, ARENA_BYTES);
    st = terms_read(an, t->lang, question, strlen(question), &asked, err);
    if (!st)
        st = said_read(an, t, &memory, &a, err);
    for (size_t i = 0; !st && i < a.own.n; i++) {
        const text_term *w = &a.own.at[i];
        bool known = terms_have(asked.at, asked.n, w->key);
        if (t->start + w->start < from || !tells(&a, w))
            continue;
        for (size_t j = 0; j < i && !known; j++)
            known = a.own.at[j].key == w->key && t->start + a.own.at[j].start < from;
        *same &= known;
    }
    said_clear(&a);
    term_list_clear(&asked);
    arena_clear(&memory);
    return st;
}
