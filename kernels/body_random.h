/* Philox4x32-10: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers: as easy as 1, 2, 3,
 * SC'11. One lane of 64 bits for each word of a block. A product leaves a word in either half of its lane; what stands
 * above a word is ignored by the next product, and by the storing. */
static void philox(uint32_t *words, uint64_t key, uint64_t stream, uint64_t first, int64_t blocks)
{
    const vec_u64 m0 = u_set(0xD2511F53U), m1 = u_set(0xCD9E8D57U);
    vec_u64 keys[10][2];
    for (uint32_t round = 0, k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32); round < 10; round++) {
        keys[round][0] = u_set(k0), keys[round][1] = u_set(k1);
        k0 += 0x9E3779B9U, k1 += 0xBB67AE85U;
    }
    for (int64_t i = 0; i < blocks; i += WIDTH_f64) {
        vec_u64 c0 = u_counters(first + (uint64_t)i), c1 = u_high_words(c0);
        vec_u64 c2 = u_set(stream), c3 = u_set(stream >> 32);
        for (int round = 0; round < 10; round++) {
            vec_u64 p0 = u_multiply(m0, c0), p1 = u_multiply(m1, c2);
            c0 = u_xor(u_xor(u_high_words(p1), c1), keys[round][0]);
            c2 = u_xor(u_xor(u_high_words(p0), c3), keys[round][1]);
            c1 = p1;
            c3 = p0;
        }
        uint32_t few[4 * WIDTH_f64];
        const int is_whole = blocks - i >= WIDTH_f64;
        u_store_blocks(is_whole ? words + 4 * i : few, c0, c1, c2, c3);
        for (int64_t k = 0; !is_whole && k < 4 * (blocks - i); k++)
            words[4 * i + k] = few[k];
    }
}
