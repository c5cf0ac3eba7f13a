/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef HF_TESTS_CHECK_MAIN_H
#define HF_TESTS_CHECK_MAIN_H

#include <check.h>
#include <stdlib.h>

/**
 * check_main() - run a suite and report it as TAP on standard output
 * @suite: the suite; owned by the runner afterwards
 *
 * Each test runs in a process of its own (fork mode) unless CK_FORK=no, which debuggers and valgrind like better.
 *
 * Return: the exit status of the test program: EXIT_SUCCESS, or EXIT_FAILURE where a test failed.
 */
static inline int check_main(Suite *suite)
{
	SRunner *runner = srunner_create(suite);

	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
