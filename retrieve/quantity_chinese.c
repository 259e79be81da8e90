/* quantity_chinese.c - numbers, dates and times as Chinese writes them; see quantity_words.h.
 *
 * Numerals are parts of other words (一些, 十分, 万一, 统一), so one character alone is a number only before a unit or a measure word,
 * and 一 only before a unit. Blanks between digits and characters are allowed: "2016 年 2 月 7 日". */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "retrieve/quantity_words.h"

#define HAN 3 /* bytes of a character */

static bool is_at(const char *s, size_t len, size_t at, const char *word)
{
    size_t n = strlen(word);

    return at <= len && len - at >= n && !memcmp(s + at, word, n);
}

static bool one_of(const char *s, size_t len, size_t at, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_at(s, len, at, words[i]))
            return true;
    return false;
}

#define ONE_OF(s, len, at, words) one_of(s, len, at, words, sizeof(words) / sizeof *(words))

static bool is_before(const char *s, size_t at, const char *word)
{
    size_t n = strlen(word);

    return at >= n && !memcmp(s + at - n, word, n);
}

/* The value of one numeral, 0 to 9, or the power of ten that it stands for; -1: it is none. */
static double sign_at(const char *s, size_t len, size_t at)
{
    static const struct {
        const char *sign;
        double value;
    } signs[] = {{"零", 0}, {"〇", 0}, {"一", 1}, {"二", 2}, {"两", 2}, {"三", 3}, {"四", 4},  {"五", 5},   {"六", 6},
                 {"七", 7}, {"八", 8}, {"九", 9}, {"十", 10}, {"百", 100}, {"千", 1e3}, {"万", 1e4}, {"亿", 1e8}};

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (is_at(s, len, at, signs[i].sign))
            return signs[i].value;
    return -1;
}

typedef struct numeral {
    double value;
    size_t signs; /* characters or digits */
    bool ascii, by_place; /* by_place: 二〇二六 */
} numeral;

/* 三百二十万, 二十, 二〇二六; false: none begins here. */
static bool read_signs(const char *s, size_t len, size_t *at, numeral *out)
{
    double total = 0, section = 0, digit = -1, placed = 0, last = 1e9;
    bool by_place = true, scaled = false;
    size_t p = *at, n = 0;

    for (double v; (v = sign_at(s, len, p)) >= 0; p += HAN, n++) {
        if (v < 10) {
            placed = placed * 10 + v;
            by_place &= !scaled;
            if (digit > 0 && scaled)
                return false;
            digit = v;
            continue;
        }
        if (n == 0 && v > 10) /* 万一, 千万 */
            return false;
        if (n > 1 && !scaled && digit >= 0 && placed > 9) /* 二〇十 */
            return false;
        by_place = false;
        scaled = true;
        if (v >= 1e4) {
            total = (total + section + (digit > 0 ? digit : 0)) * v;
            section = 0;
            last = 1e9;
        } else {
            if (v >= last)
                return false;
            section += (digit >= 0 ? digit : 1) * v;
            last = v;
        }
        digit = -1;
    }
    if (!n)
        return false;
    *out = (numeral){.value = by_place ? placed : total + section + (digit > 0 ? digit : 0), .signs = n, .by_place = by_place && n > 1};
    *at = p;
    return true;
}

/* Up to four digits, or signs. */
static bool read_numeral(const char *s, size_t len, size_t *at, numeral *out)
{
    size_t p = *at;
    int v;

    if (p >= len || !isdigit((unsigned char)s[p]))
        return read_signs(s, len, at, out);
    if (!quantity_digits(s, len, &p, 1, 4, &v))
        return false;
    *out = (numeral){.value = v, .signs = p - *at, .ascii = true};
    *at = p;
    return true;
}

/* A number from 1 to `most` with the character behind it. */
static bool part_of_date(const char *s, size_t len, size_t *at, const char *sign, const char *other, int most, int *out)
{
    size_t p = quantity_skip_blank(s, len, *at);
    numeral n;

    if (!read_numeral(s, len, &p, &n) || n.value < 1 || n.value > most)
        return false;
    p = quantity_skip_blank(s, len, p);
    if (!is_at(s, len, p, sign) && !(other && is_at(s, len, p, other)))
        return false;
    *out = (int)n.value;
    *at = p + HAN;
    return true;
}

static bool is_year(const char *s, size_t len, size_t start, const numeral *n, size_t behind)
{
    static const char *const spans[] = {"前", "来", "间", "以", "之", "后", "历史", "的历史"};
    bool counted = is_before(s, start, "公元") || is_before(s, start, "公元 ") || is_before(s, start, "公元前") || is_before(s, start, "公元前 ");

    if (n->value < 1 || n->value >= 3000)
        return false;
    return counted || (n->signs == 4 && (n->ascii || n->by_place) && n->value >= 1000 && !(n->value >= 2200) &&
                       !(fabs(n->value - 1000 * (int)(n->value / 1000)) < 0.5 && ONE_OF(s, len, behind, spans)));
}

/* 2026年3月12日, 3月12日, 十月; 19日 by itself. */
static bool chinese_date(const char *s, size_t len, size_t at, quantity *q)
{
    static const char *const no_day[] = {"内", "以", "之", "后", "前", "本", "元", "游", "间"};
    size_t p = at, mark;
    numeral n;

    *q = (quantity){.kind = QUANTITY_DATE, .start = at};
    if (is_before(s, at, "第") || is_before(s, at, "个") || !read_numeral(s, len, &p, &n))
        return false;
    mark = quantity_skip_blank(s, len, p);
    if (is_at(s, len, mark, "年") && is_year(s, len, at, &n, mark + HAN)) {
        q->year = (int)n.value;
        q->end = p = mark + HAN;
        if (part_of_date(s, len, &p, "月", NULL, 12, &q->month)) {
            q->end = p;
            if (part_of_date(s, len, &p, "日", "号", 31, &q->day))
                q->end = p;
        }
        return true;
    }
    if (is_at(s, len, mark, "月") && n.value >= 1 && n.value <= 12) {
        q->month = (int)n.value;
        q->end = p = mark + HAN;
        if (part_of_date(s, len, &p, "日", "号", 31, &q->day))
            q->end = p;
        else if (is_at(s, len, q->end, "份"))
            q->end += HAN;
        return true;
    }
    if (is_at(s, len, mark, "日") && n.value >= 1 && n.value <= 31 && !ONE_OF(s, len, mark + HAN, no_day)) {
        q->day = (int)n.value;
        q->end = mark + HAN;
        return true;
    }
    return false;
}

/* The part of a day that begins here: 0 none, 1 before noon, 2 after. */
static int part_of_day(const char *s, size_t len, size_t at, size_t *end)
{
    static const struct {
        const char *word;
        int part;
    } parts[] = {{"上午", 1}, {"早上", 1}, {"早晨", 1}, {"清晨", 1}, {"凌晨", 1}, {"下午", 2}, {"晚上", 2}, {"傍晚", 2}, {"夜里", 2}, {"中午", 2}, {"晚间", 2}};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (is_at(s, len, at, parts[i].word)) {
            *end = at + strlen(parts[i].word);
            return parts[i].part;
        }
    return 0;
}

/* Of "九点", what is behind: 半, 一刻, 20分, 钟. False: three points, of which something is said. */
static bool minutes_behind(const char *s, size_t len, size_t *at, bool told, int *minutes)
{
    static const char *const goes_on[] = {"到", "至", "前", "后", "开", "结", "上", "下", "入", "关", "出", "起", "。", "，", "、", "；", "）", "—", "-"};
    size_t p = *at;
    numeral n;

    *minutes = 0;
    if (is_at(s, len, p, "半")) {
        *minutes = 30;
        *at = p + HAN;
        return true;
    }
    if (read_numeral(s, len, &p, &n) && n.value < 60 && (is_at(s, len, p, "分") || is_at(s, len, p, "刻") || (n.signs > 1 && told))) {
        *minutes = (int)n.value * (is_at(s, len, p, "刻") ? 15 : 1);
        *at = p + (is_at(s, len, p, "分") || is_at(s, len, p, "刻") ? HAN : 0);
        return *minutes < 60;
    }
    if (is_at(s, len, *at, "钟") || is_at(s, len, *at, "整")) {
        *at += HAN;
        return true;
    }
    return told || *at >= len || ONE_OF(s, len, *at, goes_on);
}

/* 下午两点半, 上午 9:00, 十一点半, 七点到八点, 14时30分. */
static bool chinese_time(const char *s, size_t len, size_t at, quantity *q)
{
    size_t p = at;
    int part = part_of_day(s, len, at, &p), minutes = 0;
    numeral n;

    p = quantity_skip_blank(s, len, p);
    if (is_before(s, at, "第") || !read_numeral(s, len, &p, &n) || n.value > 24 || n.by_place)
        return false;
    if (part && (is_at(s, len, p, ":") || is_at(s, len, p, "："))) {
        p += s[p] == ':' ? 1 : HAN;
        if (!quantity_digits(s, len, &p, 2, 2, &minutes) || minutes > 59)
            return false;
    } else {
        p = quantity_skip_blank(s, len, p);
        bool hour = is_at(s, len, p, "时") && !is_at(s, len, p, "时间") && !is_at(s, len, p, "时候") && !is_at(s, len, p, "时代");
        if (!is_at(s, len, p, "点") && !hour)
            return false;
        p += HAN;
        if (!minutes_behind(s, len, &p, part > 0, &minutes) || (hour && !part && !minutes && !n.ascii))
            return false;
    }
    double value = n.value * 60 + minutes;
    if (part == 2 && n.value < 12)
        value += 720;
    *q = (quantity){.kind = QUANTITY_TIME, .start = at, .end = p, .value = {value, part || n.value > 12 ? value : value + 720}};
    return true;
}

static bool chinese_share(const char *s, size_t len, size_t at, quantity *q)
{
    size_t p = at + strlen("百分之");
    numeral n, part;
    double value;

    if (!is_at(s, len, at, "百分之") || !read_numeral(s, len, &p, &n))
        return false;
    value = n.value;
    if (is_at(s, len, p, "点")) {
        size_t behind = p + HAN;
        if (read_signs(s, len, &behind, &part) && part.signs < 5) {
            double by = 1;
            for (size_t i = 0; i < part.signs; i++)
                by *= 10;
            value += part.value / by;
            p = behind;
        }
    }
    *q = (quantity){.kind = QUANTITY_NUMBER, .start = at, .end = p, .value = {value, value}, .unit = U_SHARE, .class = UNIT_SHARE, .word = true};
    return true;
}

/* 三十天, 两票, 三百二十万元. */
static bool chinese_number(const char *s, size_t len, size_t at, quantity *q)
{
    static const char *const no_numbers[] = {"第", "周", "期", "拜", "初", "唯", "统", "之", "哪", "每", "同", "某", "另", "这", "那", "任"};
    size_t p = at;
    numeral n;

    for (size_t i = 0; i < sizeof no_numbers / sizeof *no_numbers; i++)
        if (is_before(s, at, no_numbers[i]))
            return false;
    if (isdigit((unsigned char)s[at]) || !read_signs(s, len, &p, &n))
        return false;
    *q = (quantity){.kind = QUANTITY_NUMBER, .start = at, .end = p, .word = true, .value = {n.value, n.value}};
    if (is_at(s, len, p, "多") || is_at(s, len, p, "余")) /* 三十多天 */
        p += HAN;
    size_t end = quantity_unit_at(s, len, p, &q->unit, &q->class);
    if (end > p && (q->unit || n.signs > 1 || n.value > 1 || is_at(s, len, p, "票"))) {
        q->end = end;
        return true;
    }
    return n.signs > 1 && !(n.signs == 2 && n.by_place);
}

bool quantity_chinese(const char *s, size_t len, size_t at, quantity *q)
{
    return chinese_date(s, len, at, q) || chinese_time(s, len, at, q) || chinese_share(s, len, at, q) || chinese_number(s, len, at, q);
}
