/* Philox of every instruction set that this processor has, against Random123's. */
#include "base/random.h"
#include "support/elements.h"
#include "support/suite.h"

#include <check.h>

START_TEST(blocks_are_those_of_random123)
{
    static const struct {
        uint64_t key, stream, first;
    } streams[] = {
        { 0, 0, 0 },
        { 1, 2, 3 },
        { UINT64_MAX, UINT64_MAX, UINT64_MAX - 20 },
        { 0x0123456789ABCDEFU, 0xFEDCBA9876543210U, 0xFFFFFFE0U },
        { 0xFFFFFFFF00000000U, 0x00000000FFFFFFFFU, 0x7FFFFFFFFFFFFFF0U },
    };
    FOR_EACH_TABLE(table)
    for (size_t s = 0; s < sizeof streams / sizeof streams[0]; s++)
        for (int64_t blocks = 0; blocks <= MAX_N; blocks++) {
            uint32_t words[4 * MAX_N + GUARD];
            for (int64_t i = 0; i < 4 * MAX_N + GUARD; i++)
                words[i] = 77;
            table->philox(words, streams[s].key, streams[s].stream, streams[s].first, blocks);
            for (int64_t i = 0; i < 4 * blocks; i++) {
                const bgi_block block =
                    bgi_random_block(streams[s].key, streams[s].stream, streams[s].first + (uint64_t)i / 4);
                if (words[i] != block.word[i % 4])
                    ck_abort_msg("%s: stream %d, word %lld of %lld blocks: %08x, not %08x", table->name, (int)s,
                                 (long long)i, (long long)blocks, words[i], block.word[i % 4]);
            }
            for (int64_t i = 4 * blocks; i < 4 * MAX_N + GUARD; i++)
                if (words[i] != 77)
                    ck_abort_msg("%s: %lld blocks: wrote word %lld", table->name, (long long)blocks, (long long)i);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kernel random");
    TCase *tests = tcase_create("kernel random");
    tcase_add_test(tests, blocks_are_those_of_random123);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
