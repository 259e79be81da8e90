/* pii.c - see pii.h. At each place the finders are tried in an order that puts the stricter first; what
 * one takes, no other sees. */
#include "retrieve/pii.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "retrieve/pii_ids.h"
#include "retrieve/pii_mail.h"
#include "retrieve/pii_text.h"

#define DIGITS_MAX   32
#define SCRATCH      ((size_t)64 << 20)

static const char *const names[PII_TYPES] = {"email", "phone", "iban", "card",
                                             "national-id", "ip", "url", "secret"};

const char *pii_name(pii_type t)
{
    return (size_t)t < PII_TYPES ? names[t] : "";
}

bool pii_parse(const char *list, unsigned *set)
{
    *set = 0;
    if (!strcmp(list, "off") || !*list)
        return true;
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ", ");
        bool known = n == 3 && !strncmp(p, "all", 3);
        if (known)
            *set = PII_ALL;
        for (size_t i = 0; i < PII_TYPES; i++)
            if (strlen(names[i]) == n && !strncmp(p, names[i], n)) {
                *set |= 1u << i;
                known = true;
            }
        if (!known)
            return false;
        p += n;
        p += strspn(p, ", ");
    }
    return true;
}

/* ---- digits ---- */

/* Digits from s[at] with single separators of `seps` between them; returns the end behind the last digit. */
static size_t digit_run(const char *s, size_t len, size_t at, const char *seps, char *digits,
                        size_t most, size_t *n)
{
    size_t end = at;

    *n = 0;
    for (size_t p = at; p < len && *n < most;) {
        size_t gap = *n ? pii_gap(s, len, p, seps) : 0;
        if (isdigit((unsigned char)s[p])) {
            digits[(*n)++] = s[p++];
            end = p;
        } else if (gap && p + gap < len && isdigit((unsigned char)s[p + gap])) {
            p += gap;
        } else {
            break;
        }
    }
    digits[*n] = '\0';
    return end;
}

/* ---- checksums ---- */

/* ISO 7064 mod 97-10 over letters and digits; for an IBAN the first four go last. */
static int mod97(const char *s, size_t n)
{
    int m = 0;

    for (size_t i = 0; i < n; i++) {
        int c = toupper((unsigned char)s[i]);
        int v = isdigit(c) ? c - '0' : c - 'A' + 10;
        m = (m * (v > 9 ? 100 : 10) + v) % 97;
    }
    return m;
}

/* ISO 7064 mod 11,10: the German tax identification number. */
static bool mod11_10(const char *d, size_t n)
{
    int p = 10;

    for (size_t i = 0; i + 1 < n; i++) {
        int s = (d[i] - '0' + p) % 10;
        p = (s ? s : 10) * 2 % 11;
    }
    return (11 - p) % 10 == d[n - 1] - '0';
}

/* ---- finders: the end of a match at s[at], or at ---- */

static size_t find_url(const char *s, size_t len, size_t at)
{
    static const char *const starts[] = {"https://", "http://", "ftp://", "www."};
    size_t p = at;

    if (!pii_begins_word(s, at))
        return at;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        size_t n = strlen(starts[i]);
        if (len - at <= n || strncasecmp(s + at, starts[i], n))
            continue;
        p = at + n;
        size_t open = 0;
        while (p < len && (unsigned char)s[p] > ' ' && !strchr("<>\"'`{}|\\^", s[p]) &&
               !(len - p >= 3 && (!memcmp(s + p, "\xE3\x80", 2) || !memcmp(s + p, "\xEF\xBC", 2))))
            open += s[p++] == '('; /* the marks of Chinese end one, too */
        while (p > at + n && strchr(".,;:!?)]", s[p - 1])) {
            size_t shut = 0;
            for (size_t k = at; k < p; k++)
                shut += s[k] == ')';
            if (s[p - 1] == ')' && shut <= open)
                break; /* its own bracket */
            p--;
        }
        return memchr(s + at + n, '.', p - at - n) || i < 3 ? (p > at + n ? p : at) : at;
    }
    return at;
}

/* How long the numbers of a country are (the SWIFT register); 0: it has none. */
static size_t iban_length(const char *country)
{
    static const struct {
        size_t n;
        const char *countries;
    } lengths[] = {
        {15, "NO"},
        {16, "BE"},
        {18, "DK FI FK FO GL NL SD"},
        {19, "MK SI"},
        {20, "AT BA EE KZ LT LU MN XK"},
        {21, "CH HR LI LV"},
        {22, "BG BH CR DE GB GE IE ME RS VA"},
        {23, "AE GI IL IQ OM SO TL"},
        {24, "AD CZ ES MD PK RO SA SE SK TN VG"},
        {25, "LY PT ST"},
        {26, "IS TR"},
        {27, "BI DJ FR GR IT MC MR SM"},
        {28, "AL AZ BY CY DO GT HU LB NI PL SV"},
        {29, "BR EG PS QA UA"},
        {30, "JO KW MU YE"},
        {31, "MT SC"},
        {32, "LC"},
        {33, "RU"},
    };
    const char wanted[] = {(char)toupper((unsigned char)country[0]),
                           (char)toupper((unsigned char)country[1]), '\0'};

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (const char *c = lengths[i].countries; *c; c += 2 + (c[2] == ' '))
            if (!strncmp(c, wanted, 2))
                return lengths[i].n;
    return 0;
}

static size_t find_iban(const char *s, size_t len, size_t at)
{
    char raw[40], turned[40];
    size_t n = 0, p = at, want;

    if (!pii_begins_word(s, at) || at + 15 > len || !isalpha((unsigned char)s[at]) ||
        !isalpha((unsigned char)s[at + 1]) || !isdigit((unsigned char)s[at + 2]) ||
        !isdigit((unsigned char)s[at + 3]) || (want = iban_length(s + at)) == 0)
        return at;
    while (n < want) {
        size_t gap = n ? pii_gap(s, len, p, " -") : 0;
        p += gap;
        if (p >= len || !isalnum((unsigned char)s[p]))
            return at;
        raw[n++] = s[p++];
    }
    memcpy(turned, raw + 4, n - 4);
    memcpy(turned + n - 4, raw, 4);
    return pii_ends_word(s, len, p) && mod97(turned, n) == 1 ? p : at;
}

/* The digits that issuers of cards begin numbers with, and the lengths that go with them. */
static bool issuer(const char *d, size_t n)
{
    int two = (d[0] - '0') * 10 + d[1] - '0';

    switch (d[0]) {
    case '4':
        return n == 13 || n == 16 || n == 19;
    case '5':
        return n >= 12 && n <= 19 && two != 53 ? true : n == 16;
    case '6':
        return n >= 12 && n <= 19;
    case '2':
        return (n == 16 && two >= 22 && two <= 27) || (n == 15 && !strncmp(d, "2131", 4)) ||
               (n == 15 && !strncmp(d, "2014", 4));
    case '3':
        return (n == 15 && (two == 34 || two == 37)) || (n == 16 && two == 35) ||
               (n == 14 && (two == 30 || two == 36 || two == 38));
    case '1':
        return n == 15 && !strncmp(d, "1800", 4);
    default:
        return false;
    }
}

static size_t find_card(const char *s, size_t len, size_t at)
{
    char d[DIGITS_MAX + 1];
    size_t n, end;

    if (!pii_begins_word(s, at) || pii_goes_on(s, at) ||
        (at && strchr(".,+-", s[at - 1]) && at > 1 && isdigit((unsigned char)s[at - 2])))
        return at;
    end = digit_run(s, len, at, " -.", d, DIGITS_MAX, &n);
    return n >= 12 && n <= 19 && pii_ends_word(s, len, end) && issuer(d, n) && pii_luhn(d, n) ? end : at;
}

/* Four numbers of a version or a chapter: the word right before says so. */
static bool of_a_version_or_chapter(const char *s, size_t at)
{
    static const char words[] = "version$|versions$|release$|build$|revision$|rev$|v$|firmware$|chapter$|section$|sections$|clause$|article$|paragraph$|"
                                "kapitel$|abschnitt$|absatz$|ziffer$|versión$|sección$|capítulo$|chapitre$|paragraphe$|versione$|"
                                "sezione$|capitolo$|versie$|hoofdstuk$|paragraaf$|wersja$|rozdział$|версия$|глава$|раздел$";
    size_t end = at, from;

    while (end && s[end - 1] == ' ')
        end--;
    if (end > 1 && !memcmp(s + end - 2, "§", 2))
        return true;
    for (from = end; from && ((unsigned char)s[from - 1] >= 0x80 || isalpha((unsigned char)s[from - 1]));)
        from--;
    return from < end && end - from < PII_NEAR_BEFORE && pii_named_before(s, end, end - from, words);
}

static size_t find_ip(const char *s, size_t len, size_t at)
{
    char text[48];
    unsigned char addr[16];
    size_t p = at, colons = 0, dots = 0;

    if (!pii_begins_word(s, at) || (at && (s[at - 1] == '.' || s[at - 1] == ':') && at > 1 &&
                                isxdigit((unsigned char)s[at - 2])))
        return at;
    while (p < len && p - at < sizeof text - 1 && (isxdigit((unsigned char)s[p]) || s[p] == ':' || s[p] == '.')) {
        colons += s[p] == ':';
        dots += s[p] == '.';
        p++;
    }
    while (p > at && (s[p - 1] == '.' || s[p - 1] == ':')) {
        colons -= s[p - 1] == ':';
        dots -= s[p - 1] == '.';
        p--;
    }
    if (dots == 3 && !colons && of_a_version_or_chapter(s, at))
        return at;
    if (dots == 3 && colons == 1) { /* a port */
        p = (size_t)((const char *)memchr(s + at, ':', p - at) - s);
        colons = 0;
    }
    /* Two colons are "fe80::1" or "::1", where "a::b" is a name in a program. */
    bool brief = colons == 2 && !dots && isdigit((unsigned char)s[p - 1]) &&
                 (!memcmp(s + at, "::", 2) || (p - at > 6 && !memcmp(s + at + 4, "::", 2)));
    if (!pii_ends_word(s, len, p) || (colons < 3 && dots != 3 && !brief) || (colons && colons < 3 && !brief))
        return at;
    memcpy(text, s + at, p - at);
    text[p - at] = '\0';
    if (colons ? inet_pton(AF_INET6, text, addr) == 1 : inet_pton(AF_INET, text, addr) == 1)
        return p;
    return at;
}

/* A number of five groups with a right checksum, or one behind its name. */
static size_t find_national_id(const char *s, size_t len, size_t at)
{
    char d[DIGITS_MAX + 1];
    size_t n, end;
    const char *w = s + at;
    size_t left = len - at;

    if (!pii_begins_word(s, at))
        return at;
    /* US: 123-45-6789 */
    if (left >= 11 && isdigit((unsigned char)w[0]) && (w[3] == '-' || w[3] == ' ') && w[6] == w[3]) {
        end = digit_run(s, len, at, "- ", d, DIGITS_MAX, &n);
        if (n == 9 && end == at + 11 && pii_ends_word(s, len, end) && strncmp(d, "000", 3) &&
            strncmp(d, "666", 3) && strncmp(d + 3, "00", 2) && strncmp(d + 5, "0000", 4) &&
            (w[3] == '-' || pii_named_before(s, at, PII_NEAR_BEFORE, "ssn|social security")))
            return end;
    }
    /* Spain: 8 digits and a letter, or X, Y, Z for the first digit */
    if (left >= 9) {
        static const char check[] = "TRWAGMYFPDXBNJZSQVHLCKE";
        char first = (char)toupper((unsigned char)w[0]);
        long number = first == 'X' ? 0 : first == 'Y' ? 1 : first == 'Z' ? 2 : -1;
        size_t i = number >= 0, k = i ? 1 : 0;
        number = number < 0 ? 0 : number;
        for (; k < 8 && isdigit((unsigned char)w[k]); k++)
            number = number * 10 + w[k] - '0';
        if (k == 8) {
            size_t l = w[8] == '-' && left > 9 ? 9 : 8;
            if (toupper((unsigned char)w[l]) == check[number % 23] && pii_ends_word(s, len, at + l + 1))
                return at + l + 1;
        }
    }
    /* Great Britain: AB 12 34 56 C */
    if (left >= 9 && isupper((unsigned char)w[0]) && isupper((unsigned char)w[1])) {
        size_t p = at + 2, k = 0;
        while (p < len && k < 6 && (isdigit((unsigned char)s[p]) || s[p] == ' '))
            k += isdigit((unsigned char)s[p++]) != 0;
        if (p < len && s[p] == ' ')
            p++;
        bool named = pii_named_before(s, at, PII_NEAR_BEFORE, "ni number|national insurance|nino");
        if (k == 6 && p < len && s[p] >= 'A' && s[p] <= 'D' && pii_ends_word(s, len, p + 1) &&
            (named || (!strchr("DFIQUV", w[0]) && !strchr("DFIQUVO", w[1]))))
            return p + 1;
    }
    /* Italy: 16 letters and digits in a fixed pattern */
    if (left >= 16) {
        static const char pattern[] = "aaaaaa00a00a000a";
        size_t k = 0;
        while (k < 16 && (pattern[k] == 'a' ? isupper((unsigned char)w[k]) : isdigit((unsigned char)w[k])))
            k++;
        if (k == 16 && pii_ends_word(s, len, at + 16))
            return at + 16;
    }
    if (isdigit((unsigned char)w[0])) {
        end = digit_run(s, len, at, " ", d, DIGITS_MAX, &n);
        bool whole = pii_ends_word(s, len, end);
        if (whole && n == 15 && (d[0] == '1' || d[0] == '2')) { /* France */
            char head[16];
            memcpy(head, d, 13);
            if (97 - mod97(head, 13) == (d[13] - '0') * 10 + d[14] - '0')
                return end;
        }
        if (whole && n == 11 && d[0] != '0' && mod11_10(d, n) &&
            pii_named_before(s, at, PII_NEAR_BEFORE, "steuer|idnr|identifikationsnummer|tax id|tin"))
            return end;
    }
    if ((end = pii_state_number(s, len, at)) > at)
        return end;
    /* Driving licence, passport, identity card: letters and digits behind the name */
    if (isalnum((unsigned char)w[0]) &&
        (pii_named_before(s, at, PII_NEAR_BEFORE, "driver's license|driver license|driving licence|drivers license|"
                                          "driver's licence|drivers licence|driving license|"
                                          "passport n|passport:|reisepass|führerschein|personalausweis|"
                                          "pasaporte|permis de conduire|passeport|passaporto|licence number|"
                                          "license number|паспорт|护照") ||
         pii_named_before(s, at, sizeof "passport", "passport"))) {
        size_t p = at, k = 0;
        while (p < len && (isalnum((unsigned char)s[p]) || (s[p] == '-' && p + 1 < len && isalnum((unsigned char)s[p + 1]))))
            k += isdigit((unsigned char)s[p++]) != 0;
        if (k >= 5 && p - at <= 20)
            return p;
    }
    return at;
}

#define PHONE_WORDS                                                                                \
    "phone|tel|mobile|mob|cell|call|fax|desk|sms|text me|whatsapp|messages to|answering at|reach|" \
    "dial|hotline|ring|telefon|handy|mobil|anruf|durchwahl|rufnummer|teléfono|móvil|llama|celular|" \
    "téléphone|portable|appele|office:|home:|work:|contact number|registered|"                     \
    "bel |bellen|tlf|puh|puhelin|zadzwo|cellulare|fone|gsm|kontakt|contact:|anrufen|ligue|"        \
    "chiama|τηλ|Τηλ|тел|Тел|телефон|звон|позвон|電話|电话|手机|전화|연락처|هاتف|جوال|טלפון|telefoon|telefón|"      \
    "matkapuhelin|nummer:|numer:|numéro:|zavol|sună|ara:|cep"

/* Is the same digit all that stands there? */
static bool one_digit(const char *s, size_t from, size_t end)
{
    char first = 0;

    for (size_t i = from; i < end; i++)
        if (isdigit((unsigned char)s[i]) && (first ? s[i] != first : !(first = s[i])))
            return false;
    return true;
}

/* The form of a US social security number: what no rule took for one has wrong digits. */
static bool is_social(const char *s, size_t n)
{
    return n == 11 && s[3] == '-' && s[6] == '-' && isdigit((unsigned char)s[5]);
}

static size_t find_phone(const char *s, size_t len, size_t at)
{
    size_t p = at, digits = 0, groups = 0, end = at, in_group = 0, longest = 0;
    bool plus = s[at] == '+', paren = s[at] == '(', open = false, inner = false;

    if ((!plus && !paren && !isdigit((unsigned char)s[at])) || !pii_begins_word(s, at) ||
        (at && strchr("+.,-/$€#", s[at - 1])))
        return at;
    while (p < len && digits < 18) {
        unsigned char c = (unsigned char)s[p];
        if (isdigit(c)) {
            groups += in_group == 0;
            in_group++;
            digits++;
            if (in_group > longest)
                longest = in_group;
            end = ++p;
        } else if (c == '+' && p == at) {
            p++;
        } else if (c == '(' && !open && p + 1 < len && isdigit((unsigned char)s[p + 1])) {
            open = true;
            inner = digits == 1;
            in_group = 0;
            p++;
        } else if (c == ')' && open) {
            open = false;
            in_group = 0;
            end = ++p;
        } else {
            size_t gap = in_group || (p > at && s[p - 1] == ')') ? pii_gap(s, len, p, " .-/") : 0;
            if (!gap || p + gap >= len || (!isdigit((unsigned char)s[p + gap]) && s[p + gap] != '('))
                break;
            in_group = 0;
            p += gap;
        }
    }
    if (end < len && s[end] == 'x' && end + 1 < len && isdigit((unsigned char)s[end + 1])) { /* extension */
        end++;
        while (end < len && isdigit((unsigned char)s[end]))
            end++;
    }
    if (open || !pii_ends_word(s, len, end) || digits < 7 || digits > 15)
        return at;
    if (end + 1 < len && strchr(".,-/", s[end]) && isdigit((unsigned char)s[end + 1]))
        return at; /* goes on: a longer number of another kind */
    if ((!plus && pii_goes_on(s, at)) || one_digit(s, at, end) ||
        (paren && find_ip(s, len, at + 1) + 1 == end) || is_social(s + at, end - at))
        return at; /* the middle of a longer number, zeros, an address in brackets, 000-12-3456 */
    bool named = pii_named_before(s, at, PII_NEAR_BEFORE, PHONE_WORDS);
    bool trunk = s[at] == '0' && groups >= 2 && digits >= 9;
    bool american = groups == 3 && digits == 10 && longest == 4 && (paren || s[at + 3] == '-' || s[at + 3] == '.');
    bool bracketed = inner && digits >= 10; /* 8 (495) 123-45-67 */
    return plus || named || trunk || american || bracketed || (paren && groups >= 2) ? end : at;
}

static const struct {
    const char *start;
    size_t least; /* letters, digits, _ and - behind it */
} tokens[] = {
    {"AKIA", 16}, {"ASIA", 16}, {"ghp_", 30}, {"gho_", 30}, {"ghs_", 30}, {"github_pat_", 22},
    {"glpat-", 18}, {"xoxb-", 20}, {"xoxp-", 20}, {"xoxa-", 20}, {"sk-", 20}, {"sk_live_", 16},
    {"pk_live_", 16}, {"rk_live_", 16}, {"AIza", 33}, {"ya29.", 20}, {"SG.", 30}, {"hf_", 30},
    {"npm_", 30}, {"dckr_pat_", 20},
};

static size_t find_token(const char *s, size_t len, size_t at)
{
    static const char key[] = "-----BEGIN ";

    if (len - at > 40 && !strncmp(s + at, key, sizeof key - 1)) {
        const char *head_end = memmem(s + at + 11, len - at - 11 < 60 ? len - at - 11 : 60,
                                      "PRIVATE KEY-----", 16), *stop;
        if (!head_end)
            return at;
        stop = memmem(head_end, len - (size_t)(head_end - s), "-----END ", 9);
        stop = stop ? memchr(stop, '\n', len - (size_t)(stop - s)) : NULL;
        return stop ? (size_t)(stop - s) : len;
    }
    if (!pii_begins_word(s, at))
        return at;
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        size_t n = strlen(tokens[i].start), p = at + n;
        if (len - at <= n || strncmp(s + at, tokens[i].start, n))
            continue;
        while (p < len && (isalnum((unsigned char)s[p]) || s[p] == '_' || s[p] == '-' || s[p] == '.'))
            p++;
        if (p - at - n >= tokens[i].least)
            return p;
    }
    if (at > 7 && !strncasecmp(s + at - 7, "bearer ", 7)) {
        size_t p = at, digits = 0;
        while (p < len && (isalnum((unsigned char)s[p]) || (s[p] && strchr("_-.~+/=", s[p]))))
            digits += isdigit((unsigned char)s[p++]) != 0;
        while (p > at && s[p - 1] == '.')
            p--;
        if (p - at >= 16 && digits)
            return p;
    }
    if (len - at > 40 && !strncmp(s + at, "eyJ", 3)) { /* a JSON web token: three parts */
        size_t p = at, dots = 0;
        while (p < len && (isalnum((unsigned char)s[p]) || strchr("_-.", s[p])) && s[p])
            dots += s[p++] == '.';
        if (dots == 2 && p - at > 40)
            return p;
    }
    return at;
}

/* "$DB_PASSWORD", "${db.password}", "{{ password }}", "%PASSWORD%": where a value is put in, none stands. */
static bool names_a_variable(const char *s, size_t len, size_t at)
{
    size_t p = at + 1;

    if (p >= len || (s[at] != '$' && s[at] != '%' && s[at] != '{'))
        return false;
    if (s[p] == '{' || (s[at] == '$' && s[p] == '('))
        return true;
    while (p < len && (isupper((unsigned char)s[p]) || isdigit((unsigned char)s[p]) || s[p] == '_'))
        p++;
    return s[at] != '{' && p > at + 3 && (p >= len || !isalnum((unsigned char)s[p]));
}

/* The value behind "password:", "Kennwort ist", "api_key =". Starts at the value. */
static size_t find_password(const char *s, size_t len, size_t at)
{
    static const char *const labels[] = {"password", "passwort", "kennwort", "contraseña", "passphrase",
                                         "mot de passe", "pwd", "passwd", "api key", "api_key", "apikey",
                                         "api-key", "secret key", "secret_key", "access token",
                                         "access_token", "auth token", "secret", "senha", "parola", "wachtwoord",
                                         "hasło", "пароль", "Пароль", "密码", "口令", "パスワード",
                                         "كلمة المرور"};
    size_t b = at, p = at;
    bool sign = false, telling = false;

    if (at < 4 || (unsigned char)s[at] <= ' ')
        return at;
    while (b > 0 && strchr(" \t\"'", s[b - 1]))
        b--;
    if (b > 0 && strchr(":=", s[b - 1])) {
        sign = true;
        b--;
    } else if (b > 3 && !memcmp(s + b - 3, "：", 3)) {
        sign = true;
        b -= 3;
    } else {
        static const char *const is[] = {"is", "ist", "lautet", "es", "est"};
        for (size_t i = 0; i < sizeof is / sizeof *is && !sign; i++) {
            size_t n = strlen(is[i]);
            if (b > n && !strncasecmp(s + b - n, is[i], n) && s[b - n - 1] == ' ') {
                b -= n;
                sign = true;
            }
        }
    }
    if (!sign || b == at)
        return at;
    while (b > 0 && strchr(" \t\"'", s[b - 1]))
        b--;
    sign = false;
    for (size_t i = 0; i < sizeof labels / sizeof *labels && !sign; i++) {
        size_t n = strlen(labels[i]);
        sign = b >= n && !strncasecmp(s + b - n, labels[i], n);
    }
    if (!sign || names_a_variable(s, len, at))
        return at;
    while (p < len && (unsigned char)s[p] > ' ' && !strchr("\"'<>", s[p])) {
        telling |= isdigit((unsigned char)s[p]) || strchr("!#$%&*+@^_~", s[p]) != NULL;
        p++;
    }
    while (p > at && strchr(".,;:)", s[p - 1]))
        p--;
    return p - at >= 4 && telling ? p : at;
}

static const struct {
    pii_type type;
    size_t (*find)(const char *s, size_t len, size_t at);
} finders[] = {
    {PII_SECRET, find_token},  {PII_SECRET, find_password}, {PII_EMAIL, pii_find_email},
    {PII_URL, find_url},       {PII_IBAN, find_iban},       {PII_CARD, find_card},
    {PII_NATIONAL_ID, find_national_id}, {PII_IP, find_ip}, {PII_PHONE, find_phone},
};

cairn_status pii_find(const char *text, size_t len, unsigned set, arena *a, pii_match **out,
                      size_t *n, cairn_error *err)
{
    pii_match *found = NULL;
    size_t cap = 0;
    cairn_status st = CAIRN_OK;

    *out = NULL;
    *n = 0;
    for (size_t i = 0; i < len && !st;) {
        size_t end = i, f = 0;
        unsigned char c = (unsigned char)text[i];
        if (c <= ' ' || (c >= 0x80 && c < 0xC3)) {
            i++;
            continue;
        }
        for (; f < sizeof finders / sizeof *finders && end == i; f++)
            if (c < 0x80 || finders[f].type == PII_EMAIL) /* only an address begins beyond ASCII */
                end = finders[f].find(text, len, i);
        if (end == i) {
            i++;
            continue;
        }
        if (set & 1u << finders[f - 1].type) {
            if (*n == cap) {
                cap = cap ? cap * 2 : 16;
                pii_match *more = checked_realloc(found, cap, sizeof *more);
                if (!more) {
                    st = CAIRN_ENOMEM;
                    break;
                }
                found = more;
            }
            found[(*n)++] = (pii_match){finders[f - 1].type, i, end};
        }
        i = end;
    }
    if (!st && *n && !(*out = arena_alloc(a, *n * sizeof **out)))
        st = CAIRN_ENOMEM;
    if (!st && *n)
        memcpy(*out, found, *n * sizeof **out);
    free(found);
    return st ? cairn_fail(err, st, "personal data") : CAIRN_OK;
}

cairn_status pii_redact(const char *text, size_t len, unsigned set, bytes *out, cairn_error *err)
{
    pii_match *m;
    size_t n, at = 0;
    arena a;
    cairn_status st;

    arena_init(&a, SCRATCH);
    st = pii_find(text, len, set, &a, &m, &n, err);
    for (size_t i = 0; i < n && !st; i++) {
        st = bytes_append(out, text + at, m[i].start - at);
        if (!st)
            st = bytes_printf(out, "[%s]", pii_name(m[i].type));
        at = m[i].end;
    }
    if (!st)
        st = bytes_append(out, text + at, len - at);
    arena_clear(&a);
    return st ? cairn_fail(err, st, "personal data") : CAIRN_OK;
}
