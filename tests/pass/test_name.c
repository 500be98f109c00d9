/* Names that are made from others. */
#include "pass/pass.h"
#include "support.h"

#include <string.h>

START_TEST(a_short_name_is_kept)
{
    char out[16];
    ck_assert_str_eq(quern_name_extend(out, sizeof out, "x", "_%d", 12),
                     "x_12");
    ck_assert_str_eq(quern_name_extend(out, sizeof out, "", "%s", ""), "");
}
END_TEST

/* Characters of 1 to 4 bytes at each place where the cut can fall. */
START_TEST(no_character_is_cut)
{
    static const char *const characters[] = {"a", "\xc3\xa9", "\xe5\xb1\x82",
                                             "\xf0\x9f\x98\x80"};
    const char *character = characters[_i];
    size_t n = strlen(character);
    for (size_t before = 0; before < 8; before++) {
        char base[512] = "";
        char out[64];
        memset(base, 'x', before);
        base[before] = '\0';
        for (int k = 0; k < 100; k++) {
            strcat(base, character);
        }
        quern_name_extend(out, sizeof out, base, "_%s", "end");
        size_t kept = strlen(out) - 4;
        ck_assert_str_eq(out + kept, "_end");
        ck_assert_mem_eq(out, base, kept);
        ck_assert_uint_eq((kept - before) % n, 0);
        ck_assert_uint_gt(kept + n, sizeof out - 1 - 4);
    }
}
END_TEST

START_TEST(what_stands_behind_is_cut_likewise)
{
    char tail[600] = "";
    char out[8];
    for (int k = 0; k < 150; k++) {
        strcat(tail, "\xe5\xb1\x82");
    }
    quern_name_extend(out, sizeof out, "x", "%s", tail);
    ck_assert_str_eq(out, "x\xe5\xb1\x82\xe5\xb1\x82");
    char large[512];
    quern_name_extend(large, sizeof large, "x", "%s", tail);
    ck_assert_uint_eq((strlen(large) - 1) % 3, 0);
    /* 254 bytes at most, whatever of a character is the last of them. */
    for (int n = 0; n < 3; n++) {
        quern_name_extend(large, sizeof large, "x", "%.*s%s", n, "yy", tail);
        ck_assert_uint_eq(strlen(large), 1 + (n == 2 ? 254 : 252 + (size_t)n));
    }
}
END_TEST

START_TEST(without_room_nothing_is_written)
{
    char out[2] = "ab";
    quern_name_extend(out, 0, "x", "_y");
    ck_assert_mem_eq(out, "ab", 2);
    ck_assert_str_eq(quern_name_extend(out, 1, "x", "_y"), "");
}
END_TEST

/* The reader tells of such names; they need not end before the start. */
START_TEST(what_is_no_utf8_is_cut_as_well)
{
    char base[64];
    char out[16];
    memset(base, 0x80, sizeof base);
    base[sizeof base - 1] = '\0';
    quern_name_extend(out, sizeof out, base, "_y");
    ck_assert_uint_gt(strlen(out), 9);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("name");
    TCase *all = tcase_create("name");
    tcase_add_test(all, a_short_name_is_kept);
    tcase_add_loop_test(all, no_character_is_cut, 0, 4);
    tcase_add_test(all, what_stands_behind_is_cut_likewise);
    tcase_add_test(all, without_room_nothing_is_written);
    tcase_add_test(all, what_is_no_utf8_is_cut_as_well);
    suite_add_tcase(suite, all);
    return suite;
}
