// The parts of item2vec: kernels, series, sampling, the spectral start, SGNS and nearest neighbours, each against a
// plain computation.
#include "worker/mining/vectors.h"

#include <math.h>

#include "common/check.h"
#include "tests/unit/mining/orders.h"
#include "worker/mining/nearest.h"
#include "worker/mining/exact_math.h"
#include "worker/mining/sgns.h"
#include "worker/mining/spectral.h"

enum { WORDS_MAX = 65536, LINES_MAX = 1000000 };

static float *random_rows(struct arena *memory, uint64_t seed, uint32_t n)
{
    float *rows = vectors_create(memory, n);
    for (size_t k = 0; k < (size_t)n * VECTOR_DIMS; k++)
        rows[k] = (float)sample_random(&seed, 2001) / 1000 - 1;
    return rows;
}

static float *copy_rows(struct arena *memory, const float *rows, uint32_t n)
{
    float *copy = vectors_create(memory, n);
    memcpy(copy, rows, (size_t)n * VECTOR_DIMS * sizeof *copy);
    return copy;
}

static double dot(const float *x, const float *y)
{
    double sum = 0;
    for (int k = 0; k < VECTOR_DIMS; k++)
        sum += (double)x[k] * (double)y[k];
    return sum;
}

static const float *row(const float *rows, uint32_t i)
{
    return rows + (size_t)i * VECTOR_DIMS;
}

// What every kernel is asked to compute, from the same numbers.
struct outcome {
    float *spread, *multiplied, *in, *out, *squares, *scores;
    double gram[VECTOR_DIMS][VECTOR_DIMS];
};
enum { ROWS = 48, SQUARES = 2 * ROWS };

static void run_steps(const struct vector_kernel *kernel, struct outcome *o, struct arena *memory)
{
    uint32_t targets[20];
    uint64_t seed = 5;
    o->in = random_rows(memory, 6, ROWS);
    o->out = random_rows(memory, 7, ROWS);
    o->squares = ARENA_ARRAY(memory, float, SQUARES);
    const struct sgns_model model = {o->in, o->out, o->squares, o->squares + ROWS};
    for (int s = 0; s < 500; s++) {
        for (uint32_t t = 0; t < 20; t++)
            targets[t] = sample_random(&seed, ROWS);
        kernel->step(&model, sample_random(&seed, ROWS), targets, 10, 20, 0.3F);
    }
}

static void run(const struct vector_kernel *kernel, struct outcome *o, struct arena *memory)
{
    static const uint32_t ITEMS[] = {3, 0, 47, 11, 12};
    const float *rows = random_rows(memory, 1, ROWS), *by = random_rows(memory, 2, VECTOR_DIMS);
    const float *queries[VECTOR_QUERIES];
    float *scores[VECTOR_QUERIES];
    o->spread = random_rows(memory, 3, ROWS);
    kernel->spread(o->spread, rows, ITEMS, ARRAY_LEN(ITEMS), 0.37F);
    kernel->gram(o->gram, rows, o->spread, ROWS);
    o->multiplied = copy_rows(memory, rows, ROWS);
    kernel->multiply(o->multiplied, ROWS, (const float(*)[VECTOR_DIMS])by);
    run_steps(kernel, o, memory);
    o->scores = ARENA_ARRAY(memory, float, VECTOR_QUERIES *ROWS);
    for (uint32_t q = 0; q < VECTOR_QUERIES; q++) {
        queries[q] = row(rows, 7 * q);
        scores[q] = o->scores + (size_t)q * ROWS;
    }
    kernel->score(scores, queries, random_rows(memory, 4, ROWS), ROWS / VECTOR_LANES);
}

static void assert_same_rows(const float *x, const float *y)
{
    assert_memory_equal(x, y, (size_t)ROWS * VECTOR_DIMS * sizeof *x);
}

static void every_kernel_gives_the_same_bytes(void **state)
{
    (void)state;
    uint32_t n;
    const struct vector_kernel *const *kernels = vector_kernels(&n);
    struct arena memory;
    struct outcome expected, got;
    arena_init(&memory, 0);
    run(kernels[0], &expected, &memory);
    for (uint32_t k = 1; k < n; k++) {
        print_message("%s\n", kernels[k]->name);
        run(kernels[k], &got, &memory);
        assert_same_rows(got.spread, expected.spread);
        assert_same_rows(got.multiplied, expected.multiplied);
        assert_same_rows(got.in, expected.in);
        assert_same_rows(got.out, expected.out);
        assert_memory_equal(got.squares, expected.squares, SQUARES * sizeof *got.squares);
        assert_memory_equal(got.gram, expected.gram, sizeof got.gram);
        assert_memory_equal(got.scores, expected.scores, VECTOR_QUERIES * ROWS * sizeof *got.scores);
    }
    assert_string_equal(vector_kernel_best()->name, kernels[n - 1]->name);
    arena_fini(&memory);
}

static void assert_near(double got, double expected, double within)
{
    if (!(fabs(got - expected) <= within))
        fail_msg("%.17g is not within %g of %.17g", got, within, expected);
}

static void kernels_compute_what_they_say(void **state)
{
    (void)state;
    static const uint32_t ITEMS[] = {3, 0, 47, 11, 12};
    struct arena memory;
    struct outcome o;
    arena_init(&memory, 0);
    run(vector_kernel_best(), &o, &memory);
    const float *rows = random_rows(&memory, 1, ROWS), *by = random_rows(&memory, 2, VECTOR_DIMS);
    const float *to = random_rows(&memory, 3, ROWS), *blocks = random_rows(&memory, 4, ROWS);
    for (uint32_t k = 0; k < VECTOR_DIMS; k++) {
        double sum = 0, product = 0, multiplied = 0;
        for (size_t i = 0; i < ARRAY_LEN(ITEMS); i++)
            sum += (double)row(rows, ITEMS[i])[k];
        assert_near((double)row(o.spread, 47)[k], (double)row(to, 47)[k] + 0.37 * sum, 1e-5);
        assert_true(row(o.spread, 46)[k] == row(to, 46)[k]);
        for (uint32_t i = 0; i < ROWS; i++)
            product += (double)row(rows, i)[5] * (double)row(o.spread, i)[k];
        assert_near(o.gram[5][k], product, 1e-9);
        for (uint32_t p = 0; p < VECTOR_DIMS; p++)
            multiplied += (double)row(rows, 9)[p] * (double)row(by, p)[k];
        assert_near((double)row(o.multiplied, 9)[k], multiplied, 1e-4);
    }
    for (uint32_t i = 0; i < ROWS; i++) {
        double sum = 0;
        for (uint32_t k = 0; k < VECTOR_DIMS; k++)
            sum += (double)row(rows, 14)[k] *
                   (double)blocks[(i / VECTOR_LANES * VECTOR_DIMS + k) * VECTOR_LANES + i % VECTOR_LANES];
        assert_near((double)o.scores[2 * ROWS + i], sum, 1e-4);
    }
    arena_fini(&memory);
}

// in = (1, 0, ...), context out = (0, 0, ...), negative out = (2, 0, ...); rate 0.5.
//   errors: 1 - s(0) = 0.5, 0 - s(2) = -0.8807970780
//   AdaGrad's roots: context sqrt(1 + 0.25), negative sqrt(1 + 0.77580349), centre sqrt(1 + 1.02580349)
static void a_step_worked_by_hand(void **state)
{
    (void)state;
    struct arena memory;
    float squares[2][3] = {{0}};
    static const uint32_t TARGETS[] = {1, 2};
    arena_init(&memory, 0);
    float *in = vectors_create(&memory, 3), *out = vectors_create(&memory, 3);
    in[0] = 1;
    out[2 * VECTOR_DIMS] = 2;
    const struct sgns_model model = {in, out, squares[0], squares[1]};
    vector_kernel_best()->step(&model, 0, TARGETS, 1, 2, 0.5F);
    assert_near((double)out[VECTOR_DIMS], 0.5 * 0.5 / sqrt(1.25), 1e-6);
    assert_near((double)out[2 * VECTOR_DIMS], 2 - 0.5 * 0.8807970780 / sqrt(1.77580349), 1e-6);
    assert_near((double)in[0], 1 - 0.5 * 2 * 0.8807970780 / sqrt(2.02580349), 1e-6);
    assert_near((double)squares[1][1], 0.25, 1e-7);
    assert_near((double)squares[0][0], 1.02580349, 1e-6);
    assert_true(in[1] == 0 && out[VECTOR_DIMS + 1] == 0 && squares[0][1] == 0);
    arena_fini(&memory);
}

// A negative's squared error is the square of the logistic function.
static void errors_follow_the_logistic_function(void **state)
{
    (void)state;
    struct arena memory;
    arena_init(&memory, 0);
    for (float x = -40; x <= 40; x += 0.173F) {
        float *in = vectors_create(&memory, 1), *out = vectors_create(&memory, 2), squares[3] = {0};
        const struct sgns_model model = {in, out, squares, squares + 1};
        const uint32_t target = 1;
        double logit = fmax(-30, fmin(30, (double)x));
        in[3] = x;
        out[VECTOR_DIMS + 3] = 1;
        vector_kernel_best()->step(&model, 0, &target, 0, 1, 0.5F);
        assert_near(sqrt((double)squares[2]) * (1 + exp(-logit)), 1, 4e-6);
    }
    arena_fini(&memory);
}

static void the_series_agrees_with_the_library(void **state)
{
    (void)state;
    for (double x = 1e-300; x < 1e300; x *= 1.7)
        assert_near(exact_log2(x), log2(x), 1e-15 * (1 + fabs(log2(x))));
    assert_true(exact_log2(1) == 0 && exact_log2(0.125) == -3);
}

// word2vec: kept with sqrt(t / f) + t / f.
static void frequent_items_are_kept_with_the_rule_of_word2vec(void **state)
{
    (void)state;
    assert_near(sgns_keep(400, 100) / (double)UINT32_MAX, 0.5 + 0.25, 1e-9);
    assert_near(sgns_keep(10000, 100) / (double)UINT32_MAX, 0.1 + 0.01, 1e-9);
    assert_int_equal(sgns_keep(100, 100), UINT32_MAX);
    assert_int_equal(sgns_keep(1, 100), UINT32_MAX);
}

static void random_numbers_are_even(void **state)
{
    (void)state;
    struct random r = {42};
    uint32_t counts[10] = {0};
    for (int i = 0; i < 100000; i++)
        counts[random_below(&r, 10)]++;
    for (int i = 0; i < 10; i++)
        assert_true(counts[i] > 9600 && counts[i] < 10400); // four standard deviations are 380
    assert_int_equal(random_below(&r, 1), 0);
}

static struct basket_sample sample_of(const struct dataset *d, uint32_t words_max, uint32_t lines_max,
                                      struct arena *memory)
{
    struct basket_sample s;
    struct random random = {9};
    basket_sample_build(&s, d, words_max, lines_max, &random, memory);
    return s;
}

static void a_sample_holds_every_order_of_two_or_more_once(void **state)
{
    (void)state;
    struct arena memory;
    arena_init(&memory, 0);
    struct dataset *d = orders_random(11, 200, 30, 5);
    struct basket_sample s = sample_of(d, WORDS_MAX, LINES_MAX, &memory);
    uint32_t n_multi = 0, n_lines = 0, counts[30] = {0};
    for (uint32_t o = 0; o < d->n_orders; o++) {
        uint32_t n = d->line_first[o + 1] - d->line_first[o];
        n_multi += n >= 2;
        n_lines += n >= 2 ? n : 0;
    }
    assert_int_equal(s.n_drawn, n_multi);
    assert_int_equal(s.n_orders, n_multi);
    assert_int_equal(s.n_lines, n_lines);
    assert_int_equal(s.first[s.n_orders], n_lines);
    for (uint32_t l = 0; l < s.n_lines; l++)
        counts[s.words[l]]++;
    for (uint32_t w = 0; w < s.n_words; w++) {
        assert_int_equal(counts[w], s.counts[w]);
        assert_true(w == 0 || s.counts[w] <= s.counts[w - 1]);
    }
    struct basket_sample few = sample_of(d, 10, 60, &memory);
    assert_int_equal(few.n_words, 10);
    assert_true(few.n_lines <= 60 && few.n_orders > 5 && few.n_drawn < s.n_drawn);
    for (uint32_t l = 0; l < few.n_lines; l++)
        assert_true(few.words[l] < 10);
    dataset_destroy(d);
    arena_fini(&memory);
}

// Where there are no more items than dimensions, the approximation is M itself.
static void spectral_vectors_have_the_cosines_of_the_matrix(void **state)
{
    (void)state;
    struct arena memory;
    struct random random = {3};
    struct err e;
    double m[40][40] = {{0}};
    arena_init(&memory, 0);
    struct dataset *d = orders_random(12, 400, 40, 6);
    struct basket_sample s = sample_of(d, WORDS_MAX, LINES_MAX, &memory);
    float *rows = vectors_create(&memory, s.n_words);
    assert_true(spectral_vectors(rows, &s, vector_kernel_best(), &random, NULL, &e));
    for (uint32_t o = 0; o < s.n_orders; o++)
        for (uint32_t i = s.first[o]; i < s.first[o + 1]; i++)
            for (uint32_t j = s.first[o]; j < s.first[o + 1]; j++)
                m[s.words[i]][s.words[j]] += 1 / sqrt(s.first[o + 1] - s.first[o] - 1.0) /
                                             sqrt((double)s.counts[s.words[i]] * s.counts[s.words[j]]);
    for (uint32_t i = 0; i < s.n_words; i++)
        for (uint32_t j = 0; j < s.n_words; j++)
            assert_near(dot(row(rows, i), row(rows, j)), m[i][j] / sqrt(m[i][i] * m[j][j]), 2e-3);
    dataset_destroy(d);
    arena_fini(&memory);
}

static void nearest_is_what_brute_force_finds(void **state)
{
    (void)state;
    enum { N = 101, WANTED = 7 };
    struct arena memory;
    struct err e;
    struct near found[N * WANTED];
    uint32_t n_found[N];
    float priors[N];
    arena_init(&memory, 0);
    float *rows = random_rows(&memory, 21, N);
    vectors_normalise(rows, N);
    for (uint32_t i = 0; i < N; i++)
        priors[i] = -0.01F * (float)i;
    for (uint32_t n_candidates = 1; n_candidates <= N; n_candidates += 20) {
        const struct nearest_question q = {rows, N, n_candidates, priors, 2, WANTED};
        assert_true(nearest_find(found, n_found, &q, vector_kernel_best(), NULL, &e));
        for (uint32_t i = 0; i < N; i++) {
            uint32_t others = n_candidates - (i < n_candidates);
            assert_int_equal(n_found[i], others < WANTED ? others : WANTED);
            for (uint32_t k = 0; k < n_found[i]; k++) {
                const struct near *f = &found[i * WANTED + k];
                uint32_t better = 0;
                assert_near((double)f->cosine, dot(row(rows, i), row(rows, f->row)), 1e-6);
                assert_near((double)f->score, 2 * (double)f->cosine + (double)priors[f->row], 1e-6);
                for (uint32_t j = 0; j < n_candidates; j++)
                    better +=
                        j != i && 2 * dot(row(rows, i), row(rows, j)) + (double)priors[j] > (double)f->score + 1e-6;
                assert_true(better <= k && f->row != i);
            }
        }
    }
    arena_fini(&memory);
}

// SGNS separates what is bought together from what is not: out of random vectors, without the spectral start.
static void sgns_learns_who_goes_with_whom(void **state)
{
    (void)state;
    enum { GROUPS = 8, PER_GROUP = 5, ITEMS = GROUPS * PER_GROUP };
    struct arena memory;
    struct random random = {4};
    struct err e;
    uint64_t seed = 1;
    arena_init(&memory, 0);
    struct basket_sample s = {.n_words = ITEMS, .n_orders = 600, .n_lines = 1800};
    s.first = ARENA_ARRAY(&memory, uint32_t, s.n_orders + 1);
    s.words = ARENA_ARRAY(&memory, uint32_t, s.n_lines);
    s.counts = ARENA_ARRAY(&memory, uint32_t, ITEMS);
    for (uint32_t o = 0; o < s.n_orders; o++) {
        uint32_t group = sample_random(&seed, GROUPS), at = sample_random(&seed, PER_GROUP);
        for (uint32_t i = 0; i < 3; i++) {
            s.words[3 * o + i] = group * PER_GROUP + (at + i) % PER_GROUP;
            s.counts[s.words[3 * o + i]]++;
        }
        s.first[o + 1] = 3 * o + 3;
    }
    const struct sgns_rules rules = {10, 10, 30, 1000000, 0.5, 1000};
    float *in = random_rows(&memory, 31, ITEMS), *out = random_rows(&memory, 32, ITEMS);
    vectors_normalise(in, ITEMS);
    vectors_normalise(out, ITEMS);
    assert_true(sgns_train(in, out, &s, &rules, vector_kernel_best(), &random, NULL, &e));
    for (uint32_t i = 0; i < ITEMS; i++) {
        double least_within = 100, most_across = -100;
        for (uint32_t j = 0; j < ITEMS; j++) {
            double predicted = dot(row(in, i), row(out, j));
            if (i / PER_GROUP != j / PER_GROUP)
                most_across = fmax(most_across, predicted);
            else if (i != j)
                least_within = fmin(least_within, predicted);
        }
        assert_true(least_within > most_across + 0.5);
    }
    arena_fini(&memory);
}

static void every_part_stops_when_cancelled(void **state)
{
    (void)state;
    struct arena memory;
    struct random random = {4};
    struct err e = {0};
    struct near found[100];
    uint32_t n_found[100];
    const float priors[100] = {0};
    atomic_bool is_cancelled = true;
    arena_init(&memory, 0);
    struct dataset *d = orders_random(12, 400, 40, 6);
    struct basket_sample s = sample_of(d, WORDS_MAX, LINES_MAX, &memory);
    const struct sgns_rules rules = {10, 10, 3, 1000000, 0.5, 4};
    float *rows = random_rows(&memory, 1, s.n_words), *out = random_rows(&memory, 2, s.n_words);
    const struct nearest_question q = {rows, s.n_words, s.n_words, priors, 2, 2};
    assert_false(spectral_vectors(rows, &s, vector_kernel_best(), &random, &is_cancelled, &e));
    assert_int_equal(e.kind, ERR_CANCELLED);
    e.kind = ERR_NONE;
    assert_false(sgns_train(rows, out, &s, &rules, vector_kernel_best(), &random, &is_cancelled, &e));
    assert_int_equal(e.kind, ERR_CANCELLED);
    e.kind = ERR_NONE;
    assert_false(nearest_find(found, n_found, &q, vector_kernel_best(), &is_cancelled, &e));
    assert_int_equal(e.kind, ERR_CANCELLED);
    dataset_destroy(d);
    arena_fini(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_gives_the_same_bytes),
        cmocka_unit_test(kernels_compute_what_they_say),
        cmocka_unit_test(a_step_worked_by_hand),
        cmocka_unit_test(errors_follow_the_logistic_function),
        cmocka_unit_test(the_series_agrees_with_the_library),
        cmocka_unit_test(frequent_items_are_kept_with_the_rule_of_word2vec),
        cmocka_unit_test(random_numbers_are_even),
        cmocka_unit_test(a_sample_holds_every_order_of_two_or_more_once),
        cmocka_unit_test(spectral_vectors_have_the_cosines_of_the_matrix),
        cmocka_unit_test(nearest_is_what_brute_force_finds),
        cmocka_unit_test(sgns_learns_who_goes_with_whom),
        cmocka_unit_test(every_part_stops_when_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
