/* test_pii_mail.c - addresses of e-mail in the forms they are written in, and what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/pii.h"

static const struct {
    const char *text, *value; /* NULL: nothing must be found */
} lines[] = {
    /* as they are sent */
    {"Reply to <carla@example.net>.", "carla@example.net"},
    {"\"Otto Braun\" <otto.braun@mail.example.com> wrote:", "otto.braun@mail.example.com"},
    {"mailto:first.last@example.museum?subject=x", "first.last@example.museum"},
    {"mailing.list+tag=x@example.org is my filter", "mailing.list+tag=x@example.org"},
    {"The box is \"john smith\"@example.com here", "\"john smith\"@example.com"},
    {"Bestellung an grüße@bücherstube.example.", "grüße@bücherstube.example"},
    {"请发邮件至王小明@例子.中国。", NULL}, /* a name in signs without blanks: where it begins cannot be told */
    {"联系sales@example.cn，谢谢。", "sales@example.cn"},
    {"from postmaster@[192.0.2.7] today", "postmaster@[192.0.2.7]"},
    {"Send it to lena&#64;example.org today.", "lena&#64;example.org"},
    {"?user=ann%40example.org&x=1", "ann%40example.org"},
    {"dr.who＠example.com in full width", "dr.who＠example.com"},
    /* over a line */
    {"anna.berger@\nexample.org is broken", "anna.berger@\nexample.org"},
    {"Write to name@long-\r\n  domain.example.org soon.", "name@long-\r\n  domain.example.org"},
    {"Write to ann@example.\norg soon.", "ann@example.\norg"},
    {"Write to ann@example.org.\nthen wait.", "ann@example.org"},
    /* against robots */
    {"Write to anna (at) example dot org if", "anna (at) example dot org"},
    {"h.meier [at] stadtwerke-ulm [dot] de", "h.meier [at] stadtwerke-ulm [dot] de"},
    {"peter{at}kiosk.example.net answers", "peter{at}kiosk.example.net"},
    {"ann[@]example[.]com was seen", "ann[@]example[.]com"},
    {"anna dot berger at example dot co dot uk, please", "anna dot berger at example dot co dot uk"},
    {"You can reach me under jsmith at example dot com.", "jsmith at example dot com"},
    {"support AT example DOT org", "support AT example DOT org"},
    {"maria.lopez (arroba) correo (punto) es", "maria.lopez (arroba) correo (punto) es"},
    {"vorstand ät verein-nord Punkt de", "vorstand ät verein-nord Punkt de"},
    {"giulia chiocciola esempio punto it.", "giulia chiocciola esempio punto it"},
    {"contact [at] exemple [point] fr", "contact [at] exemple [point] fr"},
    {"иван собака пример точка рф", "иван собака пример точка рф"},
    {"kate (a) example (.) org", "kate (a) example (.) org"},
    {"mail to admin_at_example_dot_org", "admin_at_example_dot_org"},
    {"anna @ example . org", "anna @ example . org"},
    /* nobody's address */
    {"Look at example dot com for the prices.", NULL},
    {"Write down what you see at example.com", NULL},
    {"The service runs at scale dot by dot.", NULL},
    {"We met @ cafe.example in the evening.", NULL},
    {"f(a)x.y and list(a).size", NULL},
    {"the file look_at_file.txt", NULL},
    {"ssh deploy@build01.example.com uptime", NULL},
    {"$ ssh -p 2222 -i key admin@host.example.org", NULL},
    {"rsync -av ./site/ web@www.example.org", NULL},
    {"I use ssh. Write to ann@example.org", "ann@example.org"},
    {"git clone git@github.example.com:team/repo.git", NULL},
    {"scp notes.txt pi@raspberry.example.net:/home/pi/", NULL},
    {"postgres://app:secret@db.example.com:5432/shop", NULL},
    {"[root@db2.internal.example ~]# ls", NULL},
    {"anna@web01.example.org:~$ ls", NULL},
    {"react@18.2.0-beta.next", NULL},
    {"he has ann@163.com", "ann@163.com"},
    {"icon@2x.png", NULL},
    {"mastodon: @anna@social.example", NULL},
    {"ann@example.org: hello", "ann@example.org"},
    {"a@b", NULL},
    {"@", NULL},
    {"\"@", NULL},
    {"a (at", NULL},
    {"a at b dot", NULL},
    {"ann@example-\n", NULL},
    {"ann@[1.2.3", NULL},
};

static void addresses_are_told_from_what_looks_like_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *value = lines[i].value;
        cairn_error err;
        pii_match *m;
        size_t n;
        arena a;
        arena_init(&a, 1 << 20);
        assert_int_equal(pii_find(lines[i].text, strlen(lines[i].text), 1u << PII_EMAIL, &a, &m, &n, &err), CAIRN_OK);
        if (!value && n)
            fail_msg("found in: %s", lines[i].text);
        if (value && (n != 1 || m[0].end - m[0].start != strlen(value) ||
                      memcmp(lines[i].text + m[0].start, value, strlen(value)) != 0))
            fail_msg("not found in: %s", lines[i].text);
        arena_clear(&a);
    }
}

/* No end of a text is read over, wherever it is cut. */
static void every_beginning_of_a_line_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        for (size_t len = 1; len < strlen(lines[i].text); len++) {
            char *cut = test_malloc(len);
            cairn_error err;
            pii_match *m;
            size_t n;
            arena a;
            arena_init(&a, 1 << 20);
            memcpy(cut, lines[i].text, len);
            assert_int_equal(pii_find(cut, len, PII_ALL, &a, &m, &n, &err), CAIRN_OK);
            for (size_t k = 0; k < n; k++)
                assert_true(m[k].end <= len && m[k].start < m[k].end);
            arena_clear(&a);
            test_free(cut);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_told_from_what_looks_like_them),
        cmocka_unit_test(every_beginning_of_a_line_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
