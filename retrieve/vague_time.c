/* vague_time.c - see vague_time.h. Lists of words between blanks, compared without the case of ASCII where not said otherwise. */
#include "retrieve/vague_time.h"

#include <string.h>
#include <strings.h>

#include "retrieve/word_byte.h"
#include "retrieve/word_list.h"

#define WORD_MAX 32 /* bytes of a word that may be listed */
#define REACH    3  /* words between "each" and "month" */

/* With a capital: English and German. */
static const char capitals[] =
    " January February April June July August September October November December Monday Tuesday Wednesday Thursday Friday Saturday "
    "Sunday Mondays Tuesdays Wednesdays Thursdays Fridays Saturdays Sundays Januar Februar März Mai Juni Juli Oktober Dezember Montag "
    "Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag Montags Christmas Easter Whitsun Weihnachten Ostern Pfingsten Silvester Navidad "
    "Noël Pâques Frühjahr Frühling Sommer Herbst Wochenende Mitternacht ";
/* The same, but behind one of `before`: words that have another meaning. */
static const char doubtful[] = " March May ";
/* In small letters, by themselves. */
static const char smalls[] =
    " montags dienstags mittwochs donnerstags freitags samstags sonntags werktags enero febrero marzo abril mayo junio julio agosto septiembre "
    "octubre noviembre diciembre lunes martes miércoles jueves viernes sábado domingo janvier février mars avril juin juillet août "
    "septembre octobre novembre décembre lundi mardi mercredi jeudi vendredi samedi dimanche today tomorrow tonight yesterday daily weekly "
    "monthly quarterly yearly annually noon midnight midday sunset sunrise dusk dawn heute gestern täglich wöchentlich monatlich "
    "vierteljährlich jährlich mittags abends morgens nachts hoy ayer aujourd'hui demain mediodía medianoche midi minuit "
    "immediately sofort anualmente mensualmente понедельник понедельника понедельникам вторник вторника вторникам среда среду средам четверг четверга "
    "lunedì martedì mercoledì giovedì venerdì sabato domenica gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre oggi domani "
    "ieri mezzogiorno mezzanotte "
    "четвергам пятница пятницу пятницам суббота субботу субботам воскресенье воскресенья воскресеньям январе феврале марте апреле мае июне июле "
    "августе сентябре октябре ноябре декабре сегодня завтра вчера ежедневно еженедельно ежемесячно ежегодно весной летом осенью зимой ";
/* In small letters, behind one of `before`. */
static const char nouns[] =
    " day days week weeks month months quarter quarters year years century centuries morning evening afternoon night weekend spring summer "
    "autumn winter season tag tages tage woche wochen monat monats quartal quartals jahr jahres jahren abend nachmittag winter vormittag "
    "jahrhundert día días semana semanas mes meses año años trimestre siglo mañana tarde noche primavera verano otoño invierno jour jours semaine "
    "semaines mois an ans année siècle matin soir printemps été automne hiver ";
static const char before[] =
    " every each first second third fourth fifth last next previous same following end start beginning middle mid early late before after once "
    "twice in since until during this that by jeden jede jeder jedes ersten zweiten dritten letzten nächsten vorigen gleichen folgenden ende anfang "
    "mitte vor nach seit bis während im am diesen cada primer primera segundo último última próximo siguiente fin final finales principios "
    "mediados antes después desde hasta durante en este esta al chaque premier première dernier dernière prochain fin début milieu avant après "
    "depuis jusqu'à pendant au ce cette tous ";
/* A span of time behind or before these is a time. */
static const char opens_span[] = " within in after before every until since by nach vor binnen innerhalb alle bis seit en dentro antes después tras cada desde "
                                 "hace dans sous après avant tous depuis entro dopo prima tra fra da через в за до после течение ";
static const char closes_span[] = " before after later ago from earlier vor nach später zuvor danach antes después tras atrás avant après dopo prima fa до после назад спустя ";

/* Without regard to the case of ASCII: such words also begin sentences. */
static bool listed_any_case(const char *list, const char *word, size_t len)
{
    for (const char *p = list + 1; *p;) {
        size_t n = strcspn(p, " ");
        if (n == len && !strncasecmp(p, word, n))
            return true;
        p += n + 1;
    }
    return false;
}

static size_t word_end(const char *s, size_t len, size_t at)
{
    while (at < len && (is_word_byte(s[at]) || (s[at] == '\'' && at + 1 < len && is_word_byte(s[at + 1]))))
        at++;
    return at;
}

static bool in_span(const quantity *q, const char *text, size_t len)
{
    size_t end = q->start, start, at = q->end, stop;

    stop = q->start;
    while (stop && text[stop - 1] == ' ')
        stop--;
    start = stop;
    while (start && is_word_byte(text[start - 1]))
        start--;
    /* a term of payment: "transferencia a 60 días." */
    if ((word_list_has(" a à ", text + start, stop - start)) && (at >= len || strchr(".;,\n", text[at])))
        return true;
    for (int back = 0; back < 2 && end; back++) { /* "within the six weeks" */
        while (end && !is_word_byte(text[end - 1]) && !strchr(".;:!?\n", text[end - 1]))
            end--;
        start = end;
        while (start && is_word_byte(text[start - 1]))
            start--;
        if (end > start && end - start <= WORD_MAX && listed_any_case(opens_span, text + start, end - start))
            return true;
        end = start;
    }
    while (at < len && text[at] == ' ')
        at++;
    stop = word_end(text, len, at);
    return stop > at && stop - at <= WORD_MAX && listed_any_case(closes_span, text + at, stop - at);
}

static bool put(text_span *out, size_t *n, size_t most, size_t start, size_t end)
{
    if (*n == most || (*n && start < out[*n - 1].end))
        return *n < most;
    out[(*n)++] = (text_span){start, end};
    return true;
}

/* 星期三, 每年, 月底, 六十日内: what Chinese, which has no blanks, tells of a time. */
static size_t chinese_times(const char *text, size_t len, const quantity *quantities, size_t n_quantities, text_span *out, size_t most)
{
    static const char *const words[] = {"星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日", "星期天", "周一", "周二", "周三", "周四",
                                        "周五", "周六", "周日", "每天", "每日", "每周", "每月", "每年", "今天", "明天", "昨天", "月底", "月初", "年底",
                                        "年初", "年末", "春季", "夏季", "秋季", "冬季", "春天", "夏天", "秋天", "冬天", "春节", "端午节", "中秋节", "元旦"};
    static const char *const behind[] = {"内", "以内", "之内", "后", "以后", "之后", "前", "以前", "之前"};
    size_t n = 0, next = 0;

    for (size_t i = 0; i < len;) {
        size_t bytes = 0;
        while (next < n_quantities && quantities[next].start < i)
            next++;
        if (next < n_quantities && quantities[next].start == i) {
            const quantity *q = &quantities[next];
            bool span = q->kind == QUANTITY_NUMBER && q->class == UNIT_SPAN, within = span && q->end >= 3 && !memcmp(text + q->end - 3, "内", 3);
            for (size_t k = 0; span && !within && k < sizeof behind / sizeof *behind; k++)
                within = len - q->end >= strlen(behind[k]) && !memcmp(text + q->end, behind[k], strlen(behind[k]));
            within |= span && i >= 6 && !memcmp(text + i - 6, "提前", 6);
            bytes = within || q->kind == QUANTITY_TIME ? q->end - i : 0;
        }
        for (size_t k = 0; !bytes && k < sizeof words / sizeof *words; k++)
            if (len - i >= strlen(words[k]) && !memcmp(text + i, words[k], strlen(words[k])))
                bytes = strlen(words[k]);
        if (bytes && !put(out, &n, most, i, i + bytes))
            break;
        i += bytes ? bytes : 1;
    }
    return n;
}

size_t vague_times(const char *text, size_t len, const quantity *quantities, size_t n_quantities, text_span *out, size_t most)
{
    size_t n = 0, since = REACH + 1, opener = 0, next = 0;

    for (size_t i = 0; i < len;) {
        size_t end = word_end(text, len, i), bytes;
        while (next < n_quantities && quantities[next].start < i)
            next++;
        if (next < n_quantities && quantities[next].start == i) {
            const quantity *q = &quantities[next];
            if ((q->kind == QUANTITY_TIME || (q->kind == QUANTITY_NUMBER && q->class == UNIT_SPAN && in_span(q, text, len))) &&
                !put(out, &n, most, q->start, q->end))
                break;
            if (q->kind == QUANTITY_TIME || q->class == UNIT_SPAN) {
                i = q->end > i ? q->end : i + 1;
                continue;
            }
        }
        if (end == i) {
            if (strchr(".;:!?\n", text[i]))
                since = REACH + 1;
            i++;
            continue;
        }
        bytes = end - i;
        since += since <= REACH;
        if (bytes <= WORD_MAX && (word_list_has(capitals, text + i, bytes) || word_list_has(smalls, text + i, bytes)))
            (void)put(out, &n, most, i, end);
        else if (bytes <= WORD_MAX && since <= REACH && (listed_any_case(nouns, text + i, bytes) || word_list_has(doubtful, text + i, bytes)))
            (void)put(out, &n, most, opener, end);
        if (bytes <= WORD_MAX && listed_any_case(before, text + i, bytes)) {
            since = 0;
            opener = i;
        }
        i = end;
    }
    return n ? n : chinese_times(text, len, quantities, n_quantities, out, most);
}
