/* pii_ids.c - see pii_ids.h. */
#include "retrieve/pii_ids.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "retrieve/pii_text.h"

#define SIGNS_MAX 20

static int digit(const char *d, size_t i)
{
    return d[i] - '0';
}

/* The sum of d[i] * w[i] over w[n]. */
static int weigh(const char *d, const uint8_t *w, size_t n)
{
    int sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += digit(d, i) * w[i];
    return sum;
}

#define WEIGH(d, ...) \
    weigh(d, (const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__})

static bool differ(const char *d, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (d[i] != d[0])
            return true;
    return false;
}

static bool is_cpf(const char *d, size_t n)
{
    int a = WEIGH(d, 10, 9, 8, 7, 6, 5, 4, 3, 2) * 10 % 11 % 10;
    int b = WEIGH(d, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2) * 10 % 11 % 10;

    return differ(d, n) && a == digit(d, 9) && b == digit(d, 10);
}

static bool is_pesel(const char *d, size_t n)
{
    (void)n;
    return (10 - WEIGH(d, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3) % 10) % 10 == digit(d, 10);
}

static bool is_bsn(const char *d, size_t n)
{
    return differ(d, n) && (WEIGH(d, 9, 8, 7, 6, 5, 4, 3, 2) - digit(d, 8)) % 11 == 0;
}

static bool is_nif(const char *d, size_t n)
{
    int r = 11 - WEIGH(d, 9, 8, 7, 6, 5, 4, 3, 2) % 11;

    return differ(d, n) && (r > 9 ? 0 : r) == digit(d, 8);
}

static int remainder_of(const char *d, size_t n, int first, int mod)
{
    int m = first;

    for (size_t i = 0; i < n; i++)
        m = (m * 10 + digit(d, i)) % mod;
    return m;
}

static bool is_belgian(const char *d, size_t n)
{
    int check = digit(d, 9) * 10 + digit(d, 10);

    (void)n;
    return 97 - remainder_of(d, 9, 0, 97) == check || 97 - remainder_of(d, 9, 2, 97) == check;
}

static bool is_swedish(const char *d, size_t n)
{
    return pii_luhn(d + n - 10, 10);
}

static bool is_luhn(const char *d, size_t n)
{
    return differ(d, n) && pii_luhn(d, n);
}

static bool is_hetu(const char *d, size_t n)
{
    static const char check[] = "0123456789ABCDEFHJKLMNPRSTUVWXY";

    (void)n;
    return check[remainder_of(d, 9, 0, 31)] == d[9];
}

static bool is_anything(const char *d, size_t n)
{
    return differ(d, n);
}

static bool is_norwegian(const char *d, size_t n)
{
    (void)n;
    return (WEIGH(d, 3, 7, 6, 1, 8, 9, 4, 5, 2) + digit(d, 9)) % 11 == 0 &&
           (WEIGH(d, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2) + digit(d, 10)) % 11 == 0;
}

static bool is_rut(const char *d, size_t n)
{
    int sum = 0;

    for (size_t i = 0; i + 1 < n; i++)
        sum += digit(d, n - 2 - i) * (int)(i % 6 + 2);
    return "0K987654321"[sum % 11] == d[n - 1];
}

static bool is_cuit(const char *d, size_t n)
{
    (void)n;
    return (11 - WEIGH(d, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2) % 11) % 11 == digit(d, 10);
}

/* Verhoeff: the dihedral group of order ten, and a permutation by place. */
static bool is_aadhaar(const char *d, size_t n)
{
    static const uint8_t turn[8][10] = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4},
        {5, 8, 0, 3, 7, 9, 6, 1, 4, 2}, {8, 9, 1, 6, 0, 4, 3, 5, 2, 7},
        {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
        {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8}};
    int c = 0;

    for (size_t i = 0; i < n; i++) {
        int x = turn[i % 8][digit(d, n - 1 - i)];
        if (c < 5)
            c = x < 5 ? (c + x) % 5 : 5 + (c + x) % 5;
        else
            c = x < 5 ? 5 + (c - x + 5) % 5 : (c - x + 5) % 5;
    }
    return d[0] > '1' && c == 0;
}

static bool is_pan(const char *d, size_t n)
{
    (void)n;
    return strchr("ABCFGHJLPT", d[3]) != NULL;
}

static bool is_curp(const char *d, size_t n)
{
    (void)n;
    return (d[10] == 'H' || d[10] == 'M' || d[10] == 'X') && isdigit((unsigned char)d[17]);
}

static bool is_chinese(const char *d, size_t n)
{
    (void)n;
    return "10X98765432"[WEIGH(d, 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2) % 11] ==
           d[17];
}

static bool is_korean(const char *d, size_t n)
{
    (void)n;
    return d[6] >= '1' && d[6] <= '8';
}

static bool is_my_number(const char *d, size_t n)
{
    int r = WEIGH(d, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2) % 11;

    return differ(d, n) && (r < 2 ? 0 : 11 - r) == digit(d, 11);
}

static bool is_tfn(const char *d, size_t n)
{
    return differ(d, n) && WEIGH(d, 1, 4, 3, 7, 5, 8, 6, 9, 10) % 11 == 0;
}

static bool is_turkish(const char *d, size_t n)
{
    int odd = WEIGH(d, 1, 0, 1, 0, 1, 0, 1, 0, 1), even = WEIGH(d, 0, 1, 0, 1, 0, 1, 0, 1);

    (void)n;
    return d[0] != '0' && ((odd * 7 - even) % 10 + 10) % 10 == digit(d, 9) &&
           (odd + even + digit(d, 9)) % 10 == digit(d, 10);
}

static bool is_czech(const char *d, size_t n)
{
    int month = (digit(d, 2) * 10 + digit(d, 3)) % 50 % 20, r = remainder_of(d, 9, 0, 11);

    (void)n;
    return month >= 1 && month <= 12 && r % 10 == digit(d, 9);
}

static bool is_cnp(const char *d, size_t n)
{
    int r = WEIGH(d, 2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9) % 11;

    (void)n;
    return d[0] != '0' && (r == 10 ? 1 : r) == digit(d, 12);
}

static bool is_egn(const char *d, size_t n)
{
    (void)n;
    return WEIGH(d, 2, 4, 8, 5, 10, 9, 7, 3, 6) % 11 % 10 == digit(d, 9);
}

static bool is_ahv(const char *d, size_t n)
{
    (void)n;
    return !strncmp(d, "756", 3) &&
           (10 - WEIGH(d, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3) % 10) % 10 == digit(d, 12);
}

static bool is_afm(const char *d, size_t n)
{
    return differ(d, n) &&
           (digit(d, 0) * 256 + WEIGH(d, 0, 128, 64, 32, 16, 8, 4, 2)) % 11 % 10 == digit(d, 8);
}

static bool is_pps(const char *d, size_t n)
{
    int sum = WEIGH(d, 8, 7, 6, 5, 4, 3, 2) + (n > 8 && d[8] != 'W' ? (d[8] - 'A' + 1) * 9 : 0);

    return "WABCDEFGHIJKLMNOPQRSTUV"[sum % 23] == d[7];
}

static bool is_inn(const char *d, size_t n)
{
    return differ(d, n) && WEIGH(d, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8) % 11 % 10 == digit(d, 10) &&
           WEIGH(d, 3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8) % 11 % 10 == digit(d, 11);
}

static bool is_snils(const char *d, size_t n)
{
    return differ(d, n) &&
           WEIGH(d, 9, 8, 7, 6, 5, 4, 3, 2, 1) % 101 % 100 == digit(d, 9) * 10 + digit(d, 10);
}

static bool is_nric(const char *d, size_t n)
{
    int sum = WEIGH(d + 1, 2, 7, 6, 5, 4, 3, 2) + (d[0] == 'T' || d[0] == 'G' ? 4 : 0);

    (void)n;
    if (d[0] == 'S' || d[0] == 'T')
        return "JZIHGFEDCBA"[sum % 11] == d[8];
    return (d[0] == 'F' || d[0] == 'G') && "XWUTRQPNMLK"[sum % 11] == d[8];
}

static bool is_austrian(const char *d, size_t n)
{
    (void)n;
    return d[0] != '0' && WEIGH(d, 3, 7, 9, 0, 5, 8, 4, 2, 1, 6) % 11 == digit(d, 3);
}

static bool is_emso(const char *d, size_t n)
{
    (void)n;
    return (11 - WEIGH(d, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2) % 11) % 11 == digit(d, 12);
}

static bool is_baltic(const char *d, size_t n)
{
    int r = WEIGH(d, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1) % 11;

    (void)n;
    if (r == 10)
        r = WEIGH(d, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3) % 11;
    return d[0] != '0' && r % 10 == digit(d, 10);
}

/* Where a date stands in the number, if one does. */
typedef enum date_form { NO_DATE, YMD, DMY, YMD_1, YYYYMMDD_6 } date_form;

static bool has_date(const char *d, date_form form)
{
    static const struct {
        uint8_t month, day;
    } at[] = {[YMD] = {2, 4}, [DMY] = {2, 0}, [YMD_1] = {3, 5}, [YYYYMMDD_6] = {10, 12}};

    if (form == NO_DATE)
        return true;
    /* some add 20, 40, 50 or 80 to the month and 40 to the day, for a century, a sex or a visitor */
    int month = (digit(d, at[form].month) * 10 + digit(d, at[form].month + 1)) % 20;
    int day = digit(d, at[form].day) * 10 + digit(d, at[form].day + 1);
    return month >= 1 && month <= 12 && day % 40 >= 1 && day % 40 <= 31;
}

/* `alone`: form and check digits suffice; `shaped`: where its signs stand between the groups. Otherwise a
 * word before has to name it. In `form` 0 is a digit, A a capital, * either; the rest may stand there. */
static const struct {
    const char *form;
    const char *names;
    enum { NAMED, SHAPED, ALONE } need;
    date_form date;
    bool (*check)(const char *d, size_t n);
} numbers[] = {
    {"000.000.000-00", "cpf$", SHAPED, NO_DATE, is_cpf},
    {"00000000000", "pesel", NAMED, YMD, is_pesel},
    {"0000.00.000", "bsn$|burgerservice|sofinummer", NAMED, NO_DATE, is_bsn},
    {"000 000 000", "nif$|contribuinte", NAMED, NO_DATE, is_nif},
    {"00.00.00-000.00", "rijksregister|registre national|nationaal nummer|insz$|niss$", SHAPED, YMD,
     is_belgian},
    {"000000-0000", "personnummer|samordningsnummer|personal identity", NAMED, YMD, is_swedish},
    {"00000000-0000", "personnummer|samordningsnummer|personal identity", NAMED, NO_DATE, is_swedish},
    {"000000-000*", "hetu$|henkilötunnus|personbeteckning", SHAPED, DMY, is_hetu},
    {"000000-0000", "cpr$", NAMED, DMY, is_anything},
    {"000000 00000", "fødselsnummer|fØdselsnummer|fodselsnummer|personnummer|fnr$", NAMED, DMY, is_norwegian},
    {"AAAA000000AAAAAA*0", "curp$", ALONE, NO_DATE, is_curp},
    {"00.000.000-*", "rut$|run:", SHAPED, NO_DATE, is_rut},
    {"0.000.000-*", "rut$|run:", SHAPED, NO_DATE, is_rut},
    {"00-00000000-0", "cuit$|cuil$", SHAPED, NO_DATE, is_cuit},
    {"0000 0000 0000", "aadhaar|aadhar|uid$|आधार", NAMED, NO_DATE, is_aadhaar},
    {"AAAAA0000A", "pan$|permanent account", NAMED, NO_DATE, is_pan},
    {"00000000000000000*", "", ALONE, YYYYMMDD_6, is_chinese},
    {"000000-0000000", "주민|rrn$|resident registration", SHAPED, YMD, is_korean},
    {"0000 0000 0000", "マイナンバー|個人番号|my number|my-number", NAMED, NO_DATE, is_my_number},
    {"000-000-000", "sin$|social insurance|nas$|assurance sociale", NAMED, NO_DATE, is_luhn},
    {"000 000 000", "tfn$|tax file", NAMED, NO_DATE, is_tfn},
    {"000000 0000 000", "id number|id no|identity n|identity d|sa id|rsa id|id:", NAMED, YMD, is_luhn},
    {"00000000000", "kimlik|tckn|t.c.|tc no", NAMED, NO_DATE, is_turkish},
    {"000000/0000", "rodné|rodnÉ|rodne|rč|birth number", SHAPED, NO_DATE, is_czech},
    {"0000000000000", "cnp$|cod numeric", NAMED, YMD_1, is_cnp},
    {"0000000000", "егн|ЕГН|egn$", NAMED, YMD, is_egn},
    {"000.0000.0000.00", "ahv$|avs$|oasi$", SHAPED, NO_DATE, is_ahv},
    {"000 000 000", "αφμ|ΑΦΜ|Α.Φ.Μ|α.φ.μ|afm$", NAMED, NO_DATE, is_afm},
    {"0000000A", "pps$", NAMED, NO_DATE, is_pps},
    {"0000000AA", "pps$", NAMED, NO_DATE, is_pps},
    {"000000000000", "инн|ИНН|inn$", NAMED, NO_DATE, is_inn},
    {"000-000-000 00", "снилс|СНИЛС|snils", SHAPED, NO_DATE, is_snils},
    {"00000000-0", "ת.ז|תעודת זהות|ת\"ז|teudat|id number", NAMED, NO_DATE, is_luhn},
    {"A0000000A", "nric$|fin$", ALONE, NO_DATE, is_nric},
    {"0000 000000", "svnr|sv-nr|sozialversicherung|versicherungsnummer", NAMED, NO_DATE, is_austrian},
    {"0000000000000", "emšo|emŠo|emso|jmbg|јмбг|ЈМБГ|matični", NAMED, DMY, is_emso},
    {"00000000000", "isikukood|asmens kod|personal code", NAMED, YMD_1, is_baltic},
};

/* The end of the form at s[at], its letters and digits in d, or `at`. *shaped: all its signs stand there. */
static size_t match(const char *form, const char *s, size_t len, size_t at, bool named, char *d,
                    bool *shaped)
{
    size_t p = at, n = 0;

    *shaped = true;
    for (const char *f = form; *f;) {
        size_t gap = p > at ? pii_gap(s, len, p, " .-/") : 0;
        bool sign = !isalnum((unsigned char)*f) && *f != '*';
        if (sign) {
            *shaped &= gap && (s[p] == *f || (unsigned char)s[p] >= 0x80);
            p += gap;
            f++;
        } else if (gap && named) {
            p += gap;
        } else {
            unsigned char c = p < len ? (unsigned char)s[p] : 0;
            if (*f == '0' ? !isdigit(c) : *f == 'A' ? !isupper(c) : !isdigit(c) && !isupper(c))
                return at;
            d[n++] = (char)c;
            p++;
            f++;
        }
    }
    d[n] = '\0';
    return pii_ends_word(s, len, p) ? p : at;
}

size_t pii_state_number(const char *s, size_t len, size_t at)
{
    char d[SIGNS_MAX + 1];

    if (!isdigit((unsigned char)s[at]) && !isupper((unsigned char)s[at]))
        return at;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        bool shaped;
        size_t end = match(numbers[i].form, s, len, at, true, d, &shaped);
        if (end == at || !has_date(d, numbers[i].date) || !numbers[i].check(d, strlen(d)))
            continue;
        bool tight = match(numbers[i].form, s, len, at, false, d, &shaped) == end;
        if ((tight && (numbers[i].need == ALONE || (numbers[i].need == SHAPED && shaped))) ||
            (*numbers[i].names && pii_named_before(s, at, PII_NEAR_BEFORE, numbers[i].names)))
            return end;
    }
    return at;
}
