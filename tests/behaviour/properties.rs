//! What holds for the attribute, and the tests that show it. A test that is renamed or lost fails here.

use std::fs;
use std::path::Path;

/// A property, and where it is tested: functions as `file::name`, compile tests and snapshots as files.
const PROPERTIES: [(&str, &[&str]); 49] = [
    (
        "a `const fn` is an error at the word",
        &["tests/ui/fail/const_fn.rs"],
    ),
    (
        "`unsafe`, `extern` and variadic functions keep that",
        &[
            "tests/ui/pass/unsafe_and_extern.rs",
            "capsules-macros/src/tests/shapes.rs::unusual_qualifiers_stay_in_their_place",
        ],
    ),
    (
        "generics, lifetimes, bounds and `impl Trait` arguments stay",
        &[
            "tests/behaviour/signatures.rs::receivers_and_generic_parameters_keep_their_meaning",
            "tests/editions/main.rs::functions_of_every_kind",
        ],
    ),
    (
        "every kind of receiver works",
        &[
            "tests/behaviour/signatures.rs::receivers_and_generic_parameters_keep_their_meaning",
            "tests/editions/main.rs::methods_that_a_trait_gives",
        ],
    ),
    (
        "patterns of parameters work, and what they bind is dropped in its order",
        &[
            "tests/behaviour/signatures.rs::arguments_are_dropped_in_the_order_in_which_they_are_without_the_attribute",
        ],
    ),
    (
        "a function that never returns keeps its type",
        &[
            "tests/behaviour/shapes.rs::a_function_that_never_returns_keeps_its_type",
            "tests/behaviour/signatures.rs::an_asynchronous_function_that_never_returns_keeps_its_type",
        ],
    ),
    (
        "anything but a function with a body is an error",
        &["tests/ui/fail/not_a_function.rs"],
    ),
    (
        "methods that a trait gives are recorded",
        &[
            "tests/editions/main.rs::methods_that_a_trait_gives",
            "tests/behaviour/order.rs::methods_of_async_trait_are_recorded_when_their_futures_end",
        ],
    ),
    (
        "`track_caller` is refused",
        &["tests/ui/fail/track_caller.rs"],
    ),
    (
        "other attributes are kept, once",
        &[
            "capsules-macros/src/tests/shapes.rs::attributes_are_kept_once",
            "tests/behaviour/order.rs::attributes_of_the_language_keep_their_meaning",
        ],
    ),
    (
        "the attribute given twice is an error",
        &["tests/ui/fail/given_twice.rs"],
    ),
    (
        "an early `return` and `?` are recorded",
        &["tests/behaviour/outcome.rs::an_early_return_and_a_question_mark_are_recorded"],
    ),
    (
        "a reborrow of an argument can be returned",
        &["tests/behaviour/signatures.rs::receivers_and_generic_parameters_keep_their_meaning"],
    ),
    (
        "a `mut` argument can be lent a local",
        &[
            "tests/behaviour/shapes.rs::signatures_and_bodies_keep_their_meaning",
            "tests/behaviour/shapes.rs::asynchronous_signatures_and_bodies_keep_their_meaning",
        ],
    ),
    (
        "`impl Trait` can be returned, also inside of `Result`",
        &["tests/editions/main.rs::functions_of_every_kind"],
    ),
    (
        "what is returned is coerced",
        &["tests/behaviour/signatures.rs::a_boxed_future_inside_of_ok_is_coerced"],
    ),
    (
        "a body may have names of the return type for something else",
        &["tests/editions/main.rs::bodies_with_names_of_the_return_type_and_of_the_output"],
    ),
    (
        "functions may call themselves",
        &[
            "tests/editions/main.rs::functions_that_call_themselves",
            "tests/behaviour/sizes.rs::boxed_futures_are_small_and_may_recurse",
        ],
    ),
    (
        "names of the output may be names of parameters and locals",
        &["tests/editions/main.rs::bodies_with_names_of_the_return_type_and_of_the_output"],
    ),
    (
        "names of the language may be names of the user's",
        &["tests/ui/pass/hostile_scope.rs"],
    ),
    (
        "the statements before a returned future run at the call, once",
        &["tests/behaviour/futures.rs::the_statements_before_the_future_run_at_the_call_and_once"],
    ),
    (
        "the call of a function that returns a future ends with the future",
        &[
            "tests/behaviour/futures.rs::the_output_is_what_is_recorded",
            "tests/behaviour/futures.rs::the_duration_covers_the_await",
        ],
    ),
    (
        "a type that hides a future is a value",
        &[
            "tests/behaviour/signatures.rs::an_alias_that_hides_a_future_is_recorded_when_it_is_returned",
        ],
    ),
    (
        "a future is `Send` when its body is, and else the error is at the body",
        &[
            "tests/behaviour/futures.rs::send_and_unpin_are_those_of_the_future",
            "tests/ui/fail/not_send.rs",
        ],
    ),
    (
        "futures stay small, and deep chains of them `Send`",
        &[
            "tests/behaviour/sizes.rs::a_level_adds_at_most_96_bytes_to_the_future",
            "tests/behaviour/sizes.rs::a_chain_of_14_is_send_and_a_longer_one_of_boxes",
            "tests/behaviour/signatures.rs::nineteen_nested_levels_are_send_at_the_default_recursion_limit",
        ],
    ),
    (
        "a cancellation is recorded once, and a future that was never polled not at all",
        &[
            "tests/behaviour/asynchronous.rs::a_time_out_is_a_cancellation",
            "tests/behaviour/asynchronous.rs::a_lost_race_and_an_abort_are_cancellations",
            "tests/behaviour/asynchronous.rs::a_future_that_is_never_polled_leaves_nothing",
        ],
    ),
    (
        "a panic is recorded and goes on",
        &[
            "tests/behaviour/outcome.rs::a_panic_is_recorded_and_goes_on",
            "tests/behaviour/outcome.rs::a_panic_caught_inside_is_no_failure",
            "tests/behaviour/outcome.rs::an_audited_drop_while_unwinding_is_a_success",
            "tests/behaviour/asynchronous.rs::a_panic_is_recorded_and_goes_on",
        ],
    ),
    (
        "what a cancellation drops sees its capsule",
        &[
            "tests/behaviour/asynchronous.rs::locals_that_are_dropped_by_a_cancellation_see_the_capsule",
        ],
    ),
    (
        "tasks on one thread never see each other's capsules",
        &[
            "tests/behaviour/asynchronous.rs::two_tasks_on_one_thread_never_see_each_other",
            "tests/behaviour/interleavings.rs::a_thousand_random_programs_leave_the_trees_that_they_imply",
        ],
    ),
    (
        "a spawned task starts detached, unless the capsule is carried into it",
        &[
            "tests/behaviour/asynchronous.rs::a_spawned_task_starts_detached",
            "tests/behaviour/carrying.rs::tasks_and_blocking_tasks_carry_the_capsule",
        ],
    ),
    (
        "a stream is recorded at its end, its first error or its drop, with the number of its items",
        &[
            "tests/behaviour/streams.rs::a_stream_is_recorded_at_its_end_with_the_number_of_items",
            "tests/behaviour/streams.rs::an_error_item_ends_the_record_and_not_the_stream",
            "tests/behaviour/streams.rs::until_end_records_at_the_end_with_the_first_error",
            "tests/behaviour/streams.rs::a_stream_that_is_dropped_early_is_partial",
        ],
    ),
    (
        "results are found through aliases, and values kept as their types can",
        &[
            "tests/behaviour/outcome.rs::aliases_and_boxed_errors_are_results",
            "tests/behaviour/outcome.rs::options_and_control_flow_are_successes",
            "tests/behaviour/outcome.rs::types_that_offer_less_are_kept_as_they_can",
        ],
    ),
    (
        "what is skipped or redacted reaches no file and no event",
        &[
            "tests/behaviour/skip.rs::a_skipped_argument_reaches_no_file_and_no_event",
            "tests/behaviour/redaction.rs::the_marker_reaches_no_file_before_or_after",
        ],
    ),
    (
        "expressions run once, before the body, and their panics are not the function's",
        &[
            "tests/behaviour/inputs.rs::expressions_are_evaluated_once_and_before_the_body",
            "tests/behaviour/inputs.rs::a_panic_in_an_expression_is_not_the_functions",
        ],
    ),
    (
        "parameters are named bare or as strings, and errors point at the name",
        &[
            "tests/behaviour/inputs.rs::sources_are_parameters_fields_and_expressions",
            "tests/ui/fail/no_such_parameter.rs",
            "tests/ui/fail/tenant_without_display.rs",
        ],
    ),
    (
        "values are bounded in size and depth",
        &[
            "tests/behaviour/limits.rs::a_text_without_end_is_read_as_far_as_it_is_kept",
            "tests/behaviour/limits.rs::a_value_without_bottom_is_read_to_the_limit",
        ],
    ),
    (
        "unknown, duplicate, conflicting and empty keys are errors",
        &[
            "tests/ui/fail/unknown_key.rs",
            "tests/ui/fail/duplicate_key.rs",
            "tests/ui/fail/conflicting_tenants.rs",
            "tests/ui/fail/empty_values.rs",
        ],
    ),
    (
        "the key `type` is a keyword to the parser",
        &["tests/ui/fail/unknown_type.rs"],
    ),
    (
        "no lint is added, and none is lost",
        &["tests/compile/lints.rs::no_lint_is_added_and_none_is_lost"],
    ),
    (
        "the strictest lints of a crate are kept",
        &["tests/ui/pass/denied_lints.rs"],
    ),
    (
        "the crate can have another name",
        &["tests/renamed/main.rs::the_crate_can_have_another_name"],
    ),
    (
        "an editor sees every token once, also of what does not parse",
        &[
            "capsules-macros/src/tests/editors.rs::a_body_that_does_not_parse_is_there_once_and_so_is_the_signature",
            "capsules-macros/src/tests/editors.rs::arguments_that_do_not_parse_leave_the_function_as_it_is",
        ],
    ),
    (
        "the output is deterministic",
        &[
            "capsules-macros/src/tests/shapes.rs::the_same_input_gives_the_same_output",
            "capsules-macros/src/tests/expansions/a_function.snap",
            "capsules-macros/src/tests/expansions/a_function_that_never_returns.snap",
            "capsules-macros/src/tests/expansions/a_function_that_returns_a_boxed_future.snap",
            "capsules-macros/src/tests/expansions/a_function_that_waits_for_the_store.snap",
            "capsules-macros/src/tests/expansions/a_method_with_every_key.snap",
            "capsules-macros/src/tests/expansions/an_asynchronous_function.snap",
        ],
    ),
    (
        "other attributes may stand above and below",
        &[
            "tests/behaviour/order.rs::instrumented_functions_are_recorded_once_in_both_orders",
            "tests/behaviour/order.rs::a_main_function_is_recorded_in_both_orders",
            "tests/behaviour/order.rs::handlers_of_axum_are_recorded_in_both_orders",
            "tests/compile/tools.rs::tools_of_an_mcp_server_are_audited_in_both_orders",
        ],
    ),
    (
        "the macro never panics",
        &["capsules-macros/src/tests/random.rs::arbitrary_tokens_are_answered_and_kept"],
    ),
    (
        "switched off, the body runs and nothing is allocated",
        &[
            "tests/switch/main.rs::what_runs_while_recording_is_off_is_not_recorded_and_allocates_nothing",
        ],
    ),
    (
        "a failure of the recording is counted and never the program's",
        &[
            "tests/behaviour/failures.rs::a_store_that_fails_is_counted_and_swallowed",
            "tests/behaviour/current.rs::a_write_that_panics_leaves_the_rest",
            "tests/faults/full.rs::an_outage_of_the_journal_is_one_gap_on_record",
        ],
    ),
    (
        "what the recording calls may be audited itself",
        &[
            "tests/behaviour/signatures.rs::a_display_that_is_audited_itself_is_recorded_and_does_not_hang",
            "tests/behaviour/signatures.rs::a_debug_that_calls_an_audited_function_of_which_it_is_the_result_ends",
            "tests/behaviour/failures.rs::a_store_that_fails_is_counted_and_swallowed",
        ],
    ),
    (
        "however a process ends, what was accepted is there",
        &[
            "tests/crash/ends.rs::main_returns_without_a_guard",
            "tests/crash/sigkill.rs::sigkill_loses_nothing_that_was_accepted",
        ],
    ),
];

#[test]
fn every_property_has_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let missing: Vec<_> = PROPERTIES
        .iter()
        .flat_map(|(property, tests)| tests.iter().map(move |test| (property, test)))
        .filter(|(_, test)| !exists(root, test))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

fn exists(root: &Path, test: &str) -> bool {
    match test.split_once("::") {
        None => root.join(test).exists(),
        Some((file, name)) => {
            fs::read_to_string(root.join(file)).is_ok_and(|text| is_a_test(&text, name))
        }
    }
}

/// Whether the source has such a function, and above it, in the same paragraph, the attribute of tests.
fn is_a_test(source: &str, name: &str) -> bool {
    source
        .split_once(&format!("fn {name}("))
        .and_then(|(above, _)| above.rsplit("\n\n").next())
        .is_some_and(|paragraph| paragraph.contains("test]"))
}
