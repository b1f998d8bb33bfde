/* Attributes, and the assertion that stays on in production.
 *
 * aq_assert() is for our own invariants only. Input from outside (requests, files, messages) is never asserted; it gets
 * an error. A broken invariant aborts the process and prints its place and the condition. */
#ifndef AQ_SCHEMA_BASE_COMPILER_H
#define AQ_SCHEMA_BASE_COMPILER_H

#define AQ_MUST_CHECK          __attribute__((warn_unused_result))
#define AQ_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define AQ_LENGTH(array)       (sizeof(array) / sizeof((array)[0]))

/* Runs `function(&variable)` when the variable's scope ends. */
#define AQ_CLEANUP(function) __attribute__((cleanup(function)))

_Noreturn void aq_broken(const char *file, int line, const char *what);

#define aq_assert(condition)                                                                                           \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            aq_broken(__FILE__, __LINE__, #condition);                                                                 \
    } while (0)

#endif
