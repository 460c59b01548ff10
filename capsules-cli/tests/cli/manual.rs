//! `completions` and `man`.

use crate::support::Home;

/// The commands that the help names.
fn commands(home: &Home) -> Vec<String> {
    let help = home.run(["--help"]).passed();
    let list = help.split("Commands:\n").nth(1).unwrap();
    list.lines()
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .filter(|name| name != "help")
        .collect()
}

#[test]
fn every_shell_completes_every_command() {
    let home = Home::new();
    let commands = commands(&home);
    assert!(commands.len() > 10, "{commands:?}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = home.run(["completions", shell]).passed();
        for command in &commands {
            assert!(script.contains(command.as_str()), "{shell}: {command}");
        }
        assert!(script.contains("pubkey-file"), "{shell}");
    }
    assert!(home.run(["completions", "tcsh"]).error().contains("zsh"));
}

#[test]
fn every_command_has_a_page() {
    let home = Home::new();
    let page = home.run(["man"]).passed();
    assert!(page.contains(".TH capsules 1"), "{page}");
    home.run(["man", "--output-dir", "a/man1"]).passed();
    let directory = home.path().join("a/man1");
    for command in commands(&home) {
        let path = directory.join(format!("capsules-{command}.1"));
        let page = std::fs::read_to_string(&path).unwrap();
        assert!(page.contains("Examples:"), "{}", path.display());
    }
    assert!(directory.join("capsules-keys-rotate.1").exists());
    home.file("file", "");
    let error = home.run(["man", "--output-dir", "file"]).error();
    assert!(error.starts_with("error: cannot write file: "), "{error}");
}
