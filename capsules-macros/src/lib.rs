//! The `#[audit]` attribute. Use it through the `capsules` crate, which re-exports it.

mod args;
mod ending;
mod expand;
mod function;
mod names;
mod params;
mod shape;
mod skip;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Seals a capsule for every call of a function.
///
/// ```ignore
/// #[capsules::audit(type = "agent", tenant_from = "site_id")]
/// async fn run_agent(task: &str, site_id: &str) -> anyhow::Result<String> {
///     capsules::current().model("gpt-4o").confidence(0.95);
///     llm(task).await
/// }
/// ```
///
/// Works on `fn` and `async fn`, free or in an `impl` or `trait`. The function's value, error,
/// panic and cancellation stay what they are.
///
/// The call of a function that returns a future ends when that future does: `impl Future`,
/// `Pin<Box<dyn Future>>`, `Box<dyn Future>`, `BoxFuture` or `LocalBoxFuture`, also inside of
/// `Result` or `Option`. The statements before it run when the function is called, with the
/// capsule as the current one. A type that hides a future, such as an alias of another name or a
/// struct, is recorded when the function returns it.
///
/// The same holds for streams: `impl Stream`, `Pin<Box<dyn Stream>>`, `Box<dyn Stream>`,
/// `BoxStream` or `LocalBoxStream`, returned by a function, an `async fn` or a future. The call
/// ends when the stream does or, unless `until = "end"`, with its first `Err` item, after which the
/// stream goes on. The number of items is kept in `outcome.metrics.items`, and with `fold` what
/// they came to as `outcome.result`, also of a stream that failed or was dropped early:
///
/// ```ignore
/// #[capsules::audit(type = "chat", fold = "text")]
/// fn answer(question: &str) -> impl Stream<Item = Result<String, ModelError>> {
///     model().stream(question)
/// }
///
/// #[capsules::audit(type = "chat", fold = |text: &mut String, delta: &Delta| *text += &delta.text)]
/// async fn deltas(question: String) -> Result<BoxStream<'static, Delta>, ModelError> {
///     model().deltas(question).await
/// }
/// ```
///
/// # What is recorded
///
/// | the call | `outcome.status` | `outcome.error` |
/// |---|---|---|
/// | returns a value, `Ok`, `Some` or `None` | `success`, with the value as `outcome.result` | |
/// | returns `Err` | `failure` | the error's message |
/// | panics | `failure` | `panicked: …` |
/// | is cancelled: its future is dropped before it finished | `partial` | `cancelled: …` |
/// | returns a future or stream that is never polled | nothing is recorded | |
/// | returns a stream that ends | `success` | |
/// | returns a stream that yields an `Err` | `failure` | the first error's message |
/// | returns a stream that is dropped before its end | `partial` | `cancelled: …`, with the number of items |
///
/// A status that the function has set itself through `capsules::current()` stands, unless it
/// panics or is cancelled. Captured texts are cut at 500 characters; the fields that were cut are
/// listed in `context.environment["capsules.cut"]`. Inside another audited call the capsule gets
/// that one's id as `parent_id` and inherits its session, user, correlation id and tenant; a call
/// of `type = "tool"` also appears in the parent's `execution.tool_calls`.
///
/// # Keys
///
/// | key | meaning | default |
/// |---|---|---|
/// | `type` | `"agent"`, `"tool"`, `"system"`, `"kill"`, `"workflow"`, `"chat"`, `"vault"` or `"auth"` | required |
/// | `trigger_from` | what is kept as `trigger.request`: a parameter's name, its position (not counting `self`), or `none` | `0` |
/// | `tenant_from` | the tenant: a parameter or a field of one, `"site_id"` or `ctx.site_id` | the parent's |
/// | `tenant_id` | the tenant: an expression over the parameters | the parent's |
/// | `session_from`, `user_from` | like `tenant_from`, for the session and the user | the parent's |
/// | `correlation_from` | like `tenant_from`, for the correlation id | the parent's, or else that of the current span, by `capsules::CorrelationLayer` with the feature `tracing` |
/// | `traceparent` | a W3C `traceparent` header whose trace id becomes the correlation id: a parameter as a string, or an expression over the parameters such as `headers.get("traceparent")`; a malformed header is ignored | as for `correlation_from` |
/// | `agent_id` | `context.agent_id`: an expression over the parameters | the function's qualified name |
/// | `skip(..)` | parameters of which nothing is kept; no other key may name them | none |
/// | `prompt` | a parameter or a field of one, with `Display`, of which the SHA3-256 is kept as `reasoning.prompt_hash` and not the text | none |
/// | `arguments` | parameters that are kept by their names: `arguments` for all that are neither skipped nor hashed, or `arguments(query, limit)`; in `context.environment["capsules.arguments"]`, and of a tool also in the parent's `execution.tool_calls[].arguments` | none |
/// | `source` | `trigger.source`: a string | the function's qualified name |
/// | `domain` | the domain: a string | `"agents"` |
/// | `result` | how the result is kept: `"json"`, `"display"`, `"debug"` or `"none"` | the best that its type offers, in this order |
/// | `error` | how the error is kept, likewise | `"display"`, `"json"` or `"debug"`, whichever its type offers first |
/// | `fold` | what the items of a stream are folded to: `"text"` for the concatenation of their `Display` texts, cut like every text; or a function or closure `fn(&mut A, &T)` over an `A: Default` and the items, of a `Result` the `Ok` ones, and `A` is kept like a result | nothing |
/// | `until` | when the call of a stream ends: `"error"`, with its first `Err` item if there is one, or `"end"` | `"error"` |
/// | `swallow_errors` | `false`: when the function succeeded but could not be recorded, it returns the audit's error instead; needs `Result<_, E>` with `E: From<capsules::Error>`; of a stream it is one more item at the end | `true` |
/// | `durability` | how safely the capsule is kept when the call returns: `"journaled"`, `"committed"` or `"memory"`; see `capsules::Durability` | the instance's |
/// | `boxed` | the body of an `async fn` lies on the heap: its future is small however large the body's is, and the function may await itself. With `boxed = "send"` the box is a `dyn Future + Send`, which ends the compiler's search through deeply nested functions; the body must be `Send` and not await itself | in place |
/// | `capsules` | the instance: an expression of type `Capsules` or `&Capsules` | the one that is bound or installed |
/// | `crate` | the path of the `capsules` crate, when it was renamed | `::capsules` |
///
/// A first parameter that is skipped or hashed is not kept as `trigger.request`, and no other takes
/// its place. What the function itself puts into its result, its error or `current()` is kept;
/// `capsules::Builder::redact` sees all of it.
///
/// Names of parameters may be written as strings or bare. Expressions are evaluated once, before
/// the body runs; a panic in one is reported as an event and leaves the field empty.
#[proc_macro_attribute]
pub fn audit(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::audit(args.into(), &item.into()).into()
}
