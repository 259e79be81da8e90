/* verb_tui.c - cairn tui: search, look and ask in the terminal.
 *
 * The screen is a question, a list of passages and a view of the chosen one; the view also shows
 * answers as they come. Reading order: run makes the screen and walks over keys; on_key says what
 * each does; search and ask fill `found` and `answer`; draw paints all from those. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "base/bytes.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/screen_text.h"
#include "engine/care.h"
#include "server/desktop/opener.h"

#define RESULTS       ((size_t)50)
#define LINES_MOST    ((size_t)2000) /* of a passage or an answer */
#define QUESTION_MOST ((size_t)2000) /* bytes */
#define PAUSE_MS      300            /* after which a question counts as written */
#define BESIDE        100            /* columns from which the view stands beside the list */

typedef struct tui {
    cairn *engine;
    char question[QUESTION_MOST + 8];
    size_t len, cursor; /* bytes */
    bool stale; /* found is not of this question: a search is due once no key waits */
    bool typing; /* found is what a question that may go on finds by words: the whole search is due after a pause */
    cairn_search_result *found;
    size_t chosen, top; /* of the list */
    size_t scroll;      /* of the view */
    bool asking, answered;
    bytes answer; /* text, then its sources */
    cairn_answer *given; /* whose sources they are; NULL: none */
    char welcome[300]; /* what stands where there is no question yet */
    char note[512];
    screen_line lines[LINES_MOST];
    const char *opener;
    bool over;
} tui;

/* ---- what is shown ---- */

typedef struct area {
    int y, x, rows, cols;
} area;

static void areas(area *list, area *view)
{
    int rows = LINES - 3, cols = COLS;

    if (cols >= BESIDE) {
        *list = (area){2, 0, rows, cols * 2 / 5};
        *view = (area){2, list->cols + 2, rows, cols - list->cols - 2};
    } else {
        *list = (area){2, 0, rows / 2, cols};
        *view = (area){2 + list->rows + 1, 0, rows - list->rows - 1, cols};
    }
}

static const char *title_of(const cairn_hit *h)
{
    const char *slash;

    if (*h->title)
        return h->title;
    slash = strrchr(h->uri, '/');
    return slash && slash[1] ? slash + 1 : h->uri;
}

static void draw_list(tui *t, const area *a)
{
    size_t rows = a->rows > 0 ? (size_t)a->rows / 2 : 0;

    if (t->chosen < t->top)
        t->top = t->chosen;
    if (rows && t->chosen >= t->top + rows)
        t->top = t->chosen - rows + 1;
    for (size_t i = t->top; t->found && i < t->found->n_hits && i < t->top + rows; i++) {
        const cairn_hit *h = &t->found->hits[i];
        int y = a->y + 2 * (int)(i - t->top);
        char place[600];
        if (i == t->chosen)
            attron(A_REVERSE);
        mvhline(y, a->x, ' ', a->cols);
        screen_put_cut(stdscr, y, a->x + 1, title_of(h), a->cols - 2);
        attroff(A_REVERSE);
        attron(A_DIM);
        if (h->page_label)
            snprintf(place, sizeof place, "p. %.40s  %.500s", h->page_label,
                     *h->heading ? h->heading : h->uri);
        else if (h->page)
            snprintf(place, sizeof place, "p. %u  %.500s", h->page,
                     *h->heading ? h->heading : h->uri);
        else
            snprintf(place, sizeof place, "%.500s", *h->heading ? h->heading : h->uri);
        screen_put_cut(stdscr, y + 1, a->x + 3, place, a->cols - 4);
        attroff(A_DIM);
    }
}

/* Lines of s from t->scroll on, below y; the scroll stays within the text. */
static void draw_text(tui *t, const area *a, int y, const char *s, size_t len,
                      const cairn_range *marks, size_t n_marks)
{
    int rows = a->rows - (y - a->y);
    size_t n = screen_wrap(s, len, a->cols > 2 ? a->cols : 2, t->lines, LINES_MOST);

    if (rows < 1)
        return;
    if (t->scroll + (size_t)rows > n)
        t->scroll = n > (size_t)rows ? n - (size_t)rows : 0;
    for (size_t i = t->scroll; i < n && i < t->scroll + (size_t)rows; i++)
        screen_put(stdscr, y + (int)(i - t->scroll), a->x, s, &t->lines[i], marks, n_marks,
                   A_BOLD | A_STANDOUT);
}

static void draw_view(tui *t, const area *a)
{
    const cairn_hit *h;

    if (a->rows < 1)
        return;
    if (t->asking || t->answered) {
        draw_text(t, a, a->y, t->answer.data, t->answer.len, NULL, 0);
        return;
    }
    if (!t->len) {
        draw_text(t, a, a->y, t->welcome, strlen(t->welcome), NULL, 0);
        return;
    }
    if (!t->found || t->chosen >= t->found->n_hits)
        return;
    h = &t->found->hits[t->chosen];
    attron(A_UNDERLINE);
    screen_put_cut(stdscr, a->y, a->x, h->uri, a->cols);
    attroff(A_UNDERLINE);
    draw_text(t, a, a->y + 2, h->text, h->text_len, h->highlights, h->n_highlights);
}

static void draw_help(const tui *t)
{
    const char *keys =
        t->asking ? "Esc or Ctrl-C stop"
        : t->answered
            ? "1-9 open a source   Up/Down scroll   Esc back   type to search again"
            : "Enter open   Tab ask   Up/Down choose   PgUp/PgDn scroll   Esc clear, quit";

    attron(A_DIM);
    screen_put_cut(stdscr, LINES - 1, 0, *t->note ? t->note : keys, COLS - 1);
    attroff(A_DIM);
}

static void draw(tui *t)
{
    area list, view;
    wchar_t wide[QUESTION_MOST + 8];
    char before[QUESTION_MOST + 8];
    int at;

    areas(&list, &view);
    erase();
    attron(A_BOLD);
    mvaddstr(0, 0, "> ");
    attroff(A_BOLD);
    screen_put_cut(stdscr, 0, 2, t->question, COLS - 3);
    if (t->found && COLS > 40) {
        char took[64];
        int n = snprintf(took, sizeof took, "%zu in %.0f ms", t->found->n_hits, t->found->took_ms);
        mvhline(1, 0, ACS_HLINE, COLS);
        mvprintw(1, COLS - n - 2, " %s ", took);
    } else {
        mvhline(1, 0, ACS_HLINE, COLS);
    }
    draw_list(t, &list);
    draw_view(t, &view);
    draw_help(t);
    memcpy(before, t->question, t->cursor);
    before[t->cursor] = '\0';
    at = mbstowcs(wide, before, QUESTION_MOST) == (size_t)-1 ? 0 : wcswidth(wide, QUESTION_MOST);
    at = at < 0 ? (int)t->cursor : at;
    move(0, 2 + at < COLS ? 2 + at : COLS - 1);
    refresh();
}

/* ---- searching and asking ---- */

static void tell(tui *t, const cairn_error *err)
{
    snprintf(t->note, sizeof t->note, "%s", err->text);
}

static void search(tui *t, bool typing)
{
    cairn_search_request r = {.query = t->question,
                              .k = RESULTS,
                              .as_you_type = typing,
                              .mode = typing ? CAIRN_LEXICAL : CAIRN_HYBRID};
    cairn_error err;

    cairn_search_result_free(t->found);
    t->found = NULL;
    t->chosen = t->top = t->scroll = 0;
    t->answered = t->stale = false;
    t->typing = typing && t->len;
    if (!t->len)
        return;
    if (cairn_search(t->engine, &r, &t->found, &err)) {
        t->found = NULL;
        tell(t, &err);
        return;
    }
    if (t->found->suggestion)
        snprintf(t->note, sizeof t->note, "%sDid you mean %.400s? (Ctrl-Y takes it)",
                 t->found->n_hits ? "" : "Nothing found. ", t->found->suggestion);
    else if (!t->found->n_hits && !typing)
        snprintf(t->note, sizeof t->note, "Nothing found.");
}

/* A piece of the answer; false once it is to stop. */
static bool take_piece(void *ctx, const char *text, size_t len)
{
    tui *t = ctx;
    wint_t key;

    if (bytes_append(&t->answer, text, len))
        return false;
    t->scroll = LINES_MOST; /* the end, draw_text bounds it */
    draw(t);
    nodelay(stdscr, TRUE);
    while (get_wch(&key) != ERR)
        if (key == 27)
            cli_cancelled = 1;
    nodelay(stdscr, FALSE);
    return !cli_cancelled;
}

static void add_sources(tui *t, const cairn_answer *a)
{
    for (size_t i = 0; i < a->n_citations; i++) {
        const cairn_citation *x = &a->citations[i];
        char head[64], page[64] = "";
        snprintf(head, sizeof head, "%s[%zu] ", i ? "\n\n" : "\n\nSources\n", x->n);
        if (x->page_label)
            snprintf(page, sizeof page, ", page %.40s", x->page_label);
        else if (x->page)
            snprintf(page, sizeof page, ", page %u", x->page);
        (void)(bytes_append_str(&t->answer, head) || bytes_append_str(&t->answer, x->uri) ||
               bytes_append_str(&t->answer, page) || bytes_append_str(&t->answer, "\n") ||
               bytes_append_str(&t->answer, x->text)); /* a full answer ends early */
    }
}

static void ask(tui *t)
{
    cairn_ask_request r = {.question = t->question, .cancel = &cli_cancelled};
    cairn_answer *a = NULL;
    cairn_error err;
    cairn_status st;

    if (!t->len)
        return;
    if (t->stale)
        search(t, false);
    t->answer.len = 0;
    cairn_answer_free(t->given);
    t->given = NULL;
    t->asking = true;
    t->answered = false;
    snprintf(t->note, sizeof t->note, "Reading your documents ...   Ctrl-C stop");
    draw(t);
    t->note[0] = '\0';
    noraw(); /* Ctrl-C is a signal now: no key is read before the first piece comes */
    cbreak();
    st = cairn_ask(t->engine, &r, take_piece, t, &a, &err);
    raw();
    t->asking = false;
    if (st == CAIRN_ECANCELLED || cli_cancelled) {
        cli_cancelled = 0;
        t->answered = t->answer.len > 0;
        snprintf(t->note, sizeof t->note, "Stopped.");
    } else if (st) {
        tell(t, &err);
    } else {
        t->answer.len = 0; /* what is released may differ from what was streamed */
        t->answered = !bytes_append_str(&t->answer, a->text);
        add_sources(t, a);
        t->scroll = 0;
        t->given = a;
        a = NULL;
    }
    cairn_answer_free(a);
}

static void open_document(tui *t, const char *uri, uint32_t page)
{
    cairn_error err;

    if (opener_start(t->opener, uri, page, &err))
        tell(t, &err);
    else
        snprintf(t->note, sizeof t->note, "Opened %.400s", uri);
}

static void open_chosen(tui *t)
{
    if (t->stale)
        search(t, false);
    if (t->found && t->chosen < t->found->n_hits)
        open_document(t, t->found->hits[t->chosen].uri, t->found->hits[t->chosen].page);
}

/* The source that the answer cites as [n]; false where there is none. */
static bool open_source(tui *t, size_t n)
{
    for (size_t i = 0; t->answered && t->given && i < t->given->n_citations; i++) {
        const cairn_citation *x = &t->given->citations[i];
        if (x->n != n)
            continue;
        open_document(t, x->uri, x->page);
        return true;
    }
    return false;
}

/* ---- keys ---- */

static size_t before_cursor(const tui *t)
{
    size_t i = t->cursor;

    while (i && ((unsigned char)t->question[--i] & 0xc0) == 0x80)
        ;
    return i;
}

static size_t after_cursor(const tui *t)
{
    size_t i = t->cursor;

    if (i < t->len)
        i++;
    while (i < t->len && ((unsigned char)t->question[i] & 0xc0) == 0x80)
        i++;
    return i;
}

/* Take out question[from, to); the cursor stands at from then. */
static void cut(tui *t, size_t from, size_t to)
{
    memmove(t->question + from, t->question + to, t->len - to + 1);
    t->len -= to - from;
    t->cursor = from;
}

static void insert(tui *t, wint_t key)
{
    char text[4];
    size_t n = utf8_encode((uint32_t)key, text);

    if (t->len + n > QUESTION_MOST)
        return;
    memmove(t->question + t->cursor + n, t->question + t->cursor, t->len - t->cursor + 1);
    memcpy(t->question + t->cursor, text, n);
    t->len += n;
    t->cursor += n;
}

/* The question with its misspelt words replaced. */
static void take_suggestion(tui *t)
{
    if (!t->found || !t->found->suggestion || strlen(t->found->suggestion) > QUESTION_MOST)
        return;
    t->len = t->cursor = (size_t)snprintf(t->question, sizeof t->question, "%s", t->found->suggestion);
    t->stale = true;
}

static void cut_word(tui *t)
{
    size_t i = t->cursor;

    while (i && t->question[i - 1] == ' ')
        i--;
    while (i && t->question[i - 1] != ' ')
        i--;
    cut(t, i, t->cursor);
}

static void move_down(tui *t, int by)
{
    size_t n;

    if (t->stale)
        search(t, false);
    n = t->found ? t->found->n_hits : 0;
    if (t->answered) {
        t->scroll = by < 0 && t->scroll < (size_t)-by ? 0 : t->scroll + (size_t)(ptrdiff_t)by;
        return;
    }
    if (by < 0 ? t->chosen > 0 : t->chosen + 1 < n) {
        t->chosen += (size_t)(ptrdiff_t)by;
        t->scroll = 0;
    }
}

static void on_special(tui *t, wint_t key)
{
    const size_t page = LINES > 10 ? (size_t)LINES / 2 : 5;

    switch (key) {
    case KEY_UP:
        move_down(t, -1);
        break;
    case KEY_DOWN:
        move_down(t, 1);
        break;
    case KEY_NPAGE:
        t->scroll += page;
        break;
    case KEY_PPAGE:
        t->scroll = t->scroll > page ? t->scroll - page : 0;
        break;
    case KEY_LEFT:
        t->cursor = before_cursor(t);
        break;
    case KEY_RIGHT:
        t->cursor = after_cursor(t);
        break;
    case KEY_HOME:
        t->cursor = 0;
        break;
    case KEY_END:
        t->cursor = t->len;
        break;
    case KEY_BACKSPACE:
        cut(t, before_cursor(t), t->cursor);
        t->stale = true;
        break;
    case KEY_DC:
        cut(t, t->cursor, after_cursor(t));
        t->stale = true;
        break;
    case KEY_ENTER:
        open_chosen(t);
        break;
    case KEY_RESIZE: /* what a terminal makes of its old contents is its own affair */
        clearok(stdscr, TRUE);
        break;
    default:
        break;
    }
}

static void on_escape(tui *t)
{
    if (t->answered) {
        t->answered = false;
        t->scroll = 0;
    } else if (t->len) {
        cut(t, 0, t->len);
        t->stale = true;
    } else {
        t->over = true;
    }
}

static void on_key(tui *t, wint_t key)
{
    enum {
        CTRL_A = 1,
        CTRL_C = 3,
        CTRL_D = 4,
        CTRL_E = 5,
        CTRL_N = 14,
        CTRL_P = 16,
        CTRL_U = 21,
        CTRL_W = 23,
        CTRL_Y = 25,
        ESC = 27,
        DEL = 127
    };

    switch (key) {
    case CTRL_C:
    case CTRL_D:
        t->over = true;
        break;
    case ESC:
        on_escape(t);
        break;
    case '\t':
        ask(t);
        break;
    case '\r':
    case '\n':
        open_chosen(t);
        break;
    case CTRL_A:
        t->cursor = 0;
        break;
    case CTRL_E:
        t->cursor = t->len;
        break;
    case CTRL_N:
        move_down(t, 1);
        break;
    case CTRL_P:
        move_down(t, -1);
        break;
    case CTRL_U:
        cut(t, 0, t->cursor);
        t->stale = true;
        break;
    case CTRL_W:
        cut_word(t);
        t->stale = true;
        break;
    case CTRL_Y:
        take_suggestion(t);
        break;
    case '\b':
    case DEL:
        on_special(t, KEY_BACKSPACE);
        break;
    default:
        if (key >= '1' && key <= '9' && open_source(t, (size_t)(key - '0')))
            break;
        if (key >= ' ' && iswprint(key)) {
            insert(t, key);
            t->stale = true;
        }
    }
}

/* ---- the verb ---- */

static void welcome(tui *t)
{
    cairn_status_info info;
    cairn_error err;

    if (cairn_status_get(t->engine, &info, &err)) {
        tell(t, &err);
        return;
    }
    snprintf(t->welcome, sizeof t->welcome,
             "%llu documents, %llu passages\n\nType what you look for. A query may hold\n"
             "  \"these words in order\"   -not   ext:pdf   dir:contracts\n  date:2025-09   lang:de   tag:t",
             (unsigned long long)info.documents, (unsigned long long)info.chunks);
    cairn_status_clear(&info);
}

/* The next key that comes within so many milliseconds (< 0: for ever), or ERR. */
static int key_within(wint_t *key, int ms)
{
    int kind;

    timeout(ms);
    kind = get_wch(key);
    timeout(-1);
    return kind;
}

/* The next key. Where none waits the search that is due is done and shown (who types fast, or pastes, waits for one search
 * and not for one a letter), after a pause the whole one, with meaning and spelling. */
static int next_key(tui *t, wint_t *key)
{
    int kind = ERR;

    if (t->stale) {
        kind = key_within(key, 0);
        if (kind != ERR)
            return kind;
        search(t, true);
    }
    draw(t);
    if (t->typing) {
        kind = key_within(key, PAUSE_MS);
        /* Another key was about what stands there, or makes it stale. */
        t->typing = kind == KEY_CODE_YES && *key == KEY_RESIZE;
        if (kind != ERR)
            return kind;
        search(t, false);
        draw(t);
    }
    return key_within(key, -1);
}

static int walk(tui *t)
{
    SCREEN *screen = newterm(NULL, stdout, stdin);

    if (!screen) {
        fprintf(stderr, "cairn tui: this terminal (TERM=%s) cannot be drawn on\n",
                getenv("TERM") ? getenv("TERM") : "");
        return CLI_INPUT;
    }
    raw(); /* Ctrl-C is a key: what runs is told to stop, the screen is left in order */
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    set_escdelay(50);
    welcome(t);
    t->stale = t->len > 0;
    while (!t->over && !cli_cancelled) {
        wint_t key;
        int kind = next_key(t, &key);
        t->note[0] = '\0'; /* it was about the key before */
        if (kind == KEY_CODE_YES)
            on_special(t, key);
        else if (kind == OK)
            on_key(t, key);
        else if (feof(stdin))
            break;
    }
    endwin();
    delscreen(screen);
    return cli_cancelled ? CLI_INTERRUPTED : CLI_DONE;
}

static int run(cli *c, int argc, char **argv)
{
    enum { OPENER = 1000 };
    static const struct option extra[] = {{"opener", required_argument, NULL, OPENER}, {0}};
    tui *t;
    char *text;
    int o, code;

    t = calloc(1, sizeof *t);
    if (!t)
        return CLI_INPUT;
    t->opener = getenv("CAIRN_OPENER");
    bytes_init(&t->answer, 1 << 20);
    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?') {
            free(t);
            return CLI_USAGE;
        }
        t->opener = optarg;
    }
    text = cli_join_operands(argc, argv);
    if (text && strlen(text) <= QUESTION_MOST)
        t->len = t->cursor = (size_t)snprintf(t->question, sizeof t->question, "%s", text);
    free(text);
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        code = cli_usage_error(c, "it needs a terminal");
    else
        code = cli_open(c, &t->engine, CLI_READ);
    if (!code)
        code = walk(t);
    cairn_search_result_free(t->found);
    cairn_answer_free(t->given);
    bytes_clear(&t->answer);
    cairn_close(t->engine);
    free(t);
    return code;
}

const cli_verb cli_verb_tui = {
    "tui", "search, look and ask in the terminal",
    "Usage: cairn tui [--opener PROGRAM] [QUERY...]\n\n"
    "Searches as you type, shows the chosen passage with its matches marked, answers questions.\n\n"
    "  Up, Down      choose a passage; scroll an answer (also Ctrl-P, Ctrl-N)\n"
    "  PgUp, PgDn    scroll the passage\n"
    "  Enter         open its document (xdg-open, $CAIRN_OPENER or --opener)\n"
    "  Tab           ask the question; Esc or Ctrl-C stops the answer\n"
    "  1-9           open a source of the answer\n"
    "  Ctrl-Y        take the spelling that is suggested\n"
    "  Esc           back from the answer, clear the question, quit\n"
    "  Ctrl-U, Ctrl-W, Ctrl-A, Ctrl-E, Left, Right, Home, End    edit; Ctrl-C quits\n\n"
    "Examples:\n"
    "  cairn tui\n"
    "  cairn tui notice period ext:pdf\n",
    run};
