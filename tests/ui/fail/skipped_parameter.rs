#[capsules::audit(type = "auth", skip(password), tenant_from = password)]
fn tenant(user: &str, password: &str) {}

#[capsules::audit(type = "auth", skip(password), agent_id = format!("{password}"))]
fn format_string(user: &str, password: &str) {}

#[capsules::audit(type = "auth", trigger_from = 1, skip(password))]
fn position(user: &str, password: &str) {}

#[capsules::audit(type = "auth", skip(passwort))]
fn misspelt(user: &str, password: &str) {}

#[capsules::audit(type = "auth", skip)]
fn no_list(user: &str) {}

#[capsules::audit(type = "auth", skip())]
fn empty_list(user: &str) {}

struct Login {
    password: u8,
}

// A field of that name is another thing.
#[capsules::audit(type = "auth", skip(password), tenant_from = login.password)]
fn field(login: &Login, password: &str) {}

fn main() {}
