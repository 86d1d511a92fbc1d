#include "tests/model/explore.h"

#include <stdlib.h>
#include <stdio.h>

#include "common/check.h"

#define NOBODY UINT32_MAX

struct node {
    struct mini_hash hash;
    uint32_t parent, good; // the state before; the next one of the fair future, NOBODY: it has ended
    uint16_t action;       // of the parent's
    uint16_t depth;
};

struct search {
    struct model *m;
    struct explored *out;
    size_t max_states;
    struct node *nodes;
    struct mini_state *states; // freed once they are explored
    size_t n, capacity;
    uint32_t *slots; // open addressing: node + 1
    size_t slots_mask;
};

// ---- the states that are known ----

static void grow_slots(struct search *s)
{
    s->slots_mask = s->slots_mask * 2 + 1;
    free(s->slots);
    s->slots = calloc(s->slots_mask + 1, sizeof *s->slots);
    CHECK(s->slots);
    for (size_t i = 0; i < s->n; i++) {
        size_t at = s->nodes[i].hash.low & s->slots_mask;
        while (s->slots[at])
            at = (at + 1) & s->slots_mask;
        s->slots[at] = (uint32_t)i + 1;
    }
}

static void grow_nodes(struct search *s)
{
    s->capacity = s->capacity ? s->capacity * 2 : 1 << 12;
    s->nodes = realloc(s->nodes, s->capacity * sizeof *s->nodes);
    s->states = realloc(s->states, s->capacity * sizeof *s->states);
    CHECK(s->nodes && s->states);
}

// The node of the state at hand; a new one is put at the end of the queue.
static uint32_t note_state(struct search *s, uint32_t parent, size_t action)
{
    struct mini_state state;
    mini_redis_save(model_redis(s->m), &state);
    struct mini_hash hash = mini_redis_hash(model_redis(s->m), &state);
    size_t at = hash.low & s->slots_mask;
    for (; s->slots[at]; at = (at + 1) & s->slots_mask) {
        const struct node *known = &s->nodes[s->slots[at] - 1];
        if (known->hash.low == hash.low && known->hash.high == hash.high) {
            free(state.entries);
            return s->slots[at] - 1;
        }
    }
    if (s->n == s->capacity)
        grow_nodes(s);
    unsigned depth = parent == NOBODY ? 0 : s->nodes[parent].depth + 1u;
    s->nodes[s->n] = (struct node){
        .hash = hash, .parent = parent, .good = NOBODY, .action = (uint16_t)action, .depth = (uint16_t)depth};
    s->states[s->n] = state;
    s->slots[at] = (uint32_t)++s->n;
    s->out->depth = depth;
    if (s->n > s->slots_mask / 2)
        grow_slots(s);
    return (uint32_t)s->n - 1;
}

// ---- a history, told again from the beginning ----

static void tell_step(struct search *s, const struct model_action *a, struct buf *out)
{
    model_state_text(s->m, out);
    buf_puts(out, "  ");
    model_action_text(s->m, a, out);
    buf_puts(out, "\n");
}

static size_t path_to(const struct search *s, uint32_t node, uint32_t *path, size_t max)
{
    size_t n = s->nodes[node].depth + 1u;
    CHECK(n <= max);
    for (size_t i = n; i-- > 0; node = s->nodes[node].parent)
        path[i] = node;
    return n;
}

// From the beginning to `node`, then through `last` more actions by `next`.
static void tell(struct search *s, uint32_t node, int last, struct buf *out)
{
    enum { PATH_MAX_STEPS = 4096 };
    static uint32_t path[PATH_MAX_STEPS];
    static struct model_action actions[MODEL_ACTIONS_MAX];
    struct err ignored;
    size_t n = path_to(s, node, path, PATH_MAX_STEPS);
    CHECK(model_begin(s->m, &ignored));
    for (size_t i = 1; i < n; i++) {
        (void)model_actions(s->m, actions);
        const struct model_action a = actions[s->nodes[path[i]].action];
        tell_step(s, &a, out);
        CHECK(model_apply(s->m, &a, &ignored));
    }
    size_t n_actions = model_actions(s->m, actions);
    if (last >= 0 && (size_t)last < n_actions)
        tell_step(s, &actions[last], out);
    else
        model_state_text(s->m, out);
}

static void violated(struct search *s, uint32_t node, int last, const struct err *why)
{
    struct buf trace;
    size_t len;
    buf_init(&trace, 1 << 20);
    s->out->is_violated = true;
    s->out->violation = *why;
    buf_printf(&trace, "after %u steps:\n", s->nodes[node].depth + (last >= 0));
    tell(s, node, last, &trace);
    buf_printf(&trace, "  VIOLATED: %s\n", why->message);
    s->out->trace = buf_take(&trace, &len);
}

// ---- exploring ----

static bool explore_node(struct search *s, uint32_t node)
{
    struct model_action actions[MODEL_ACTIONS_MAX];
    struct mini_redis *redis = model_redis(s->m);
    struct mini_state state = s->states[node];
    struct err why;
    mini_redis_restore(redis, &state);
    size_t n = model_actions(s->m, actions);
    int good = model_next_good(s->m, actions, n);
    for (size_t i = 0; i < n; i++) {
        mini_redis_restore(redis, &state);
        if (!model_apply(s->m, &actions[i], &why)) {
            violated(s, node, (int)i, &why);
            return false;
        }
        s->out->transitions++;
        s->out->by_kind[actions[i].kind]++;
        uint32_t next = note_state(s, node, i);
        if ((int)i == good)
            s->nodes[node].good = next;
    }
    free(state.entries);
    s->states[node].entries = NULL;
    return true;
}

// Every fair future ends: no state comes back on it. lengths: steps to its end, +1; 0: not known yet.
static bool follow(struct search *s, uint32_t from, uint32_t *lengths, uint32_t *path)
{
    size_t n = 0;
    uint32_t node = from;
    while (node != NOBODY && lengths[node] == 0) {
        lengths[node] = UINT32_MAX; // on the way
        path[n++] = node;
        node = s->nodes[node].good;
    }
    if (node != NOBODY && lengths[node] == UINT32_MAX) {
        const struct err why = {ERR_INTERNAL, "from here on, all that is fair leads back here: it never ends"};
        violated(s, node, -1, &why);
        return false;
    }
    uint32_t length = node == NOBODY ? 0 : lengths[node];
    while (n > 0) {
        lengths[path[--n]] = ++length;
        if (length - 1 > s->out->good_steps)
            s->out->good_steps = length - 1;
    }
    return true;
}

static void follow_all(struct search *s)
{
    uint32_t *lengths = calloc(s->n, sizeof *lengths), *path = malloc(s->n * sizeof *path);
    CHECK(lengths && path);
    for (uint32_t i = 0; i < s->n; i++)
        if (!follow(s, i, lengths, path))
            break;
    free(lengths);
    free(path);
}

static void search(struct search *s)
{
    struct err why;
    if (!model_begin(s->m, &why)) {
        s->out->is_violated = true;
        s->out->violation = why;
        return;
    }
    (void)note_state(s, NOBODY, 0);
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->n > s->max_states)
            return;
        if (!explore_node(s, i))
            return;
    }
    s->out->is_whole = true;
    follow_all(s);
}

void explore(struct model *m, size_t max_states, struct explored *out)
{
    struct search s = {.m = m, .out = out, .max_states = max_states, .slots_mask = (1 << 14) - 1};
    *out = (struct explored){.states = 0};
    s.slots = calloc(s.slots_mask + 1, sizeof *s.slots);
    CHECK(s.slots);
    search(&s);
    out->states = s.n;
    out->entries = mini_redis_entries(model_redis(m));
    for (size_t i = 0; i < s.n; i++)
        free(s.states[i].entries);
    free(s.states);
    free(s.nodes);
    free(s.slots);
}

void explored_fini(struct explored *e)
{
    free(e->trace);
    e->trace = NULL;
}
