#[capsules::audit(type = "tool", arguments(query, page))]
fn not_a_parameter(query: &str) {}

#[capsules::audit(type = "tool", arguments(query, query))]
fn twice(query: &str) {}

#[capsules::audit(type = "tool", skip(token), arguments(query, token))]
fn skipped(query: &str, token: &str) {}

#[capsules::audit(type = "tool", prompt = prompt, arguments(prompt))]
fn hashed(prompt: &str) {}

#[capsules::audit(type = "tool", arguments())]
fn none(query: &str) {}

#[capsules::audit(type = "tool", arguments = query)]
fn no_list(query: &str) {}

#[capsules::audit(type = "tool", arguments, arguments(query))]
fn both(query: &str) {}

fn main() {
    not_a_parameter("");
    twice("");
    skipped("", "");
    hashed("");
    none("");
    no_list("");
    both("");
}
