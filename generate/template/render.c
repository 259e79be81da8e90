/* render.c - statements, scopes, loops, macros: chat_template_render. */
#include <stdlib.h>
#include <string.h>

#include "generate/template/eval.h"

static void set_variable(evaluation *e, const char *name, json_t *v)
{
    if (!v)
        json_object_del(e->scope->vars, name);
    else if (json_object_set(e->scope->vars, name, v))
        eval_fail(e, CAIRN_ENOMEM, "memory ran out");
}

static void push_scope(evaluation *e, scope *s)
{
    *s = (scope){e->scope, json_object()};
    e->scope = s;
    if (!s->vars)
        eval_fail(e, CAIRN_ENOMEM, "memory ran out");
}

static void pop_scope(evaluation *e)
{
    json_decref(e->scope->vars);
    e->scope = e->scope->up;
}

static void print(evaluation *e, const json_t *v)
{
    if (!e->st && value_print(v, e->out))
        eval_fail(e, CAIRN_ELIMIT, "the prompt became longer than %zu bytes",
                  CHAT_TEMPLATE_MAX_OUTPUT);
}

/* {% set a.b = v %} changes a namespace, which outlives the scope. */
static void assign(evaluation *e, const node *target, json_t *v)
{
    json_t *of;

    if (target->kind == NODE_NAME) {
        set_variable(e, target->text, v);
        return;
    }
    of = eval_node(e, target->a);
    if (e->st)
        return;
    if (!json_is_object(of))
        eval_fail(e, CAIRN_EINPUT, "only a namespace's attributes can be set");
    else if (v == of)
        eval_fail(e, CAIRN_EINPUT, "a namespace cannot hold itself");
    else if (json_object_set(of, target->text, v ? v : json_null()))
        eval_fail(e, CAIRN_ENOMEM, "memory ran out");
}

/* Run `body` into a text of its own. */
static json_t *capture(evaluation *e, const node *body)
{
    bytes text, *out = e->out;

    bytes_init(&text, CHAT_TEMPLATE_MAX_OUTPUT);
    e->out = &text;
    render_nodes(e, body);
    e->out = out;
    if (e->st) {
        bytes_clear(&text);
        return NULL;
    }
    return eval_take(e, &text);
}

/* The values to walk: a list, the characters of a string, or the keys of a dict. */
static json_t *iterable(evaluation *e, const node *n)
{
    json_t *v = eval_node(e, n->a), *list;
    call_args none = {.of = n};

    if (e->st)
        return NULL;
    if (!v)
        return eval_keep(e, json_array());
    list = eval_filter(e, template_find_filter("list", 4), v, &none);
    return list;
}

static void bind_names(evaluation *e, const node *n, json_t *item)
{
    if (n->n_names == 1) {
        set_variable(e, n->names[0], item);
        return;
    }
    if (!json_is_array(item) || json_array_size(item) != n->n_names) {
        eval_fail(e, CAIRN_EINPUT, "cannot take %zu values out of %s", n->n_names,
                  value_type_name(item));
        return;
    }
    for (size_t i = 0; i < n->n_names; i++)
        set_variable(e, n->names[i], json_array_get(item, i));
}

/* The items for which the loop's own condition holds. */
static json_t *select_items(evaluation *e, const node *n, json_t *all)
{
    json_t *list = eval_keep(e, json_array()), *item;
    size_t i;
    scope s;

    json_array_foreach(all, i, item) {
        push_scope(e, &s);
        if (!e->st)
            bind_names(e, n, item);
        if (!e->st && value_is_true(eval_node(e, n->b)))
            json_array_append(list, item);
        pop_scope(e);
        if (e->st)
            break;
    }
    return list;
}

static json_t *loop_object(const json_t *items, size_t i)
{
    size_t n = json_array_size(items);
    json_t *before = i ? json_array_get(items, i - 1) : NULL;
    json_t *after = i + 1 < n ? json_array_get(items, i + 1) : NULL;
    json_t *loop = json_pack("{s:I,s:I,s:I,s:I,s:b,s:b,s:I}", "index", (json_int_t)i + 1, "index0",
                             (json_int_t)i, "revindex", (json_int_t)(n - i), "revindex0",
                             (json_int_t)(n - i - 1), "first", i == 0, "last", i + 1 == n, "length",
                             (json_int_t)n);

    if (loop && before)
        json_object_set(loop, "previtem", before);
    if (loop && after)
        json_object_set(loop, "nextitem", after);
    return loop;
}

static void render_for(evaluation *e, const node *n)
{
    json_t *items = iterable(e, n), *item;
    size_t i;
    scope s;

    if (!e->st && n->b)
        items = select_items(e, n, items);
    if (e->st)
        return;
    /* A copy: the body may append to the list it walks. */
    items = eval_keep(e, json_copy(items));
    if (!json_array_size(items))
        render_nodes(e, n->other);
    json_array_foreach(items, i, item) {
        json_t *loop = loop_object(items, i);
        push_scope(e, &s);
        if (!e->st)
            set_variable(e, "loop", loop);
        json_decref(loop); /* lives as long as the scope */
        if (!e->st)
            bind_names(e, n, item);
        render_nodes(e, n->body);
        pop_scope(e);
        if (e->st || e->jump == JUMP_BREAK)
            break;
        e->jump = JUMP_NONE;
    }
    e->jump = JUMP_NONE;
}

json_t *render_macro(evaluation *e, const node *macro, const call_args *a)
{
    json_t *v;
    scope s;

    if (++e->depth > CHAT_TEMPLATE_MAX_DEPTH)
        return eval_fail(e, CAIRN_ELIMIT, "macros are nested too deeply");
    push_scope(e, &s);
    for (size_t i = 0; !e->st && i < macro->n_names; i++) {
        v = eval_argument(a, i, macro->names[i]);
        if (!v && macro->args[i])
            v = eval_node(e, macro->args[i]);
        if (!e->st)
            set_variable(e, macro->names[i], v);
    }
    v = e->st ? NULL : capture(e, macro->body);
    pop_scope(e);
    e->depth--;
    return v;
}

static void define_macro(evaluation *e, const node *n)
{
    macro_entry *m = arena_alloc(&e->memory, sizeof *m);

    if (!m) {
        eval_fail(e, CAIRN_ENOMEM, "memory ran out");
        return;
    }
    *m = (macro_entry){n, e->macros};
    e->macros = m;
}

static void render_one(evaluation *e, const node *n)
{
    switch (n->kind) {
    case NODE_TEXT:
        if (bytes_append(e->out, n->text, n->len))
            eval_fail(e, CAIRN_ELIMIT, "the prompt became longer than %zu bytes",
                      CHAT_TEMPLATE_MAX_OUTPUT);
        break;
    case NODE_OUTPUT:
        print(e, eval_node(e, n->a));
        break;
    case NODE_IF:
        if (value_is_true(eval_node(e, n->a)))
            render_nodes(e, n->body);
        else
            render_nodes(e, n->other);
        break;
    case NODE_FOR:
        render_for(e, n);
        break;
    case NODE_SET: {
        json_t *v = eval_node(e, n->b);
        if (!e->st)
            assign(e, n->a, v);
        break;
    }
    case NODE_SET_BLOCK: {
        json_t *v = capture(e, n->body);
        if (!e->st)
            assign(e, n->a, v);
        break;
    }
    case NODE_MACRO:
        define_macro(e, n);
        break;
    case NODE_BREAK:
        e->jump = JUMP_BREAK;
        break;
    case NODE_CONTINUE:
        e->jump = JUMP_CONTINUE;
        break;
    default:
        render_nodes(e, n->body);
        break;
    }
}

void render_nodes(evaluation *e, const node *n)
{
    for (; n && !e->st && e->jump == JUMP_NONE; n = n->next) {
        if (++e->steps > CHAT_TEMPLATE_MAX_STEPS) {
            eval_fail(e, CAIRN_ELIMIT, "the template ran too long");
            return;
        }
        e->line = n->line;
        render_one(e, n);
    }
}

cairn_status chat_template_render(const chat_template *t, const json_t *messages,
                                  const json_t *tools, bool add_generation_prompt, const char *bos,
                                  const char *eos, bytes *out, cairn_error *err)
{
    evaluation e = {.t = t, .err = err, .keep = json_array()};
    json_t *copy = json_deep_copy(messages); /* a template may append to lists it is given */
    scope global;
    bytes text;

    if (!json_is_array(messages)) {
        json_decref(e.keep);
        json_decref(copy);
        return cairn_fail(err, CAIRN_EINPUT, "\"messages\" is a list of {\"role\", \"content\"}");
    }
    arena_init(&e.memory, (size_t)16 << 20);
    bytes_init(&text, CHAT_TEMPLATE_MAX_OUTPUT);
    e.out = &text;
    push_scope(&e, &global);
    if (!e.st) {
        set_variable(&e, "messages", copy);
        set_variable(&e, "tools", tools ? (json_t *)tools : json_null());
        set_variable(&e, "add_generation_prompt", json_boolean(add_generation_prompt));
        json_object_set_new(global.vars, "bos_token", json_string(bos));
        json_object_set_new(global.vars, "eos_token", json_string(eos));
        render_nodes(&e, t->root);
    }
    if (!e.st && bytes_append(out, text.data ? text.data : "", text.len))
        eval_fail(&e, CAIRN_ELIMIT, "the prompt became too long");
    pop_scope(&e);
    json_decref(copy);
    json_decref(e.keep);
    arena_clear(&e.memory);
    bytes_clear(&text);
    return e.st;
}
