//! Values of types that hold secrets are never kept.

use capsules::{Redacted, audit};
use serde_json::json;

use crate::support::{audited, only};

const SECRET: &str = "hunter2-MARKER";

/// One test for each wrapper: an argument, a result, a field of a result, an error, all of it
/// with the crate's own type, whatever that type would say of itself.
macro_rules! never_kept {
    ($($name:ident: $type:ty = $make:expr;)*) => {$(
        #[test]
        fn $name() {
            #[audit(type = "tool", result = "debug", error = "debug")]
            fn take(_secret: &$type, fail: bool) -> Result<Option<$type>, Vec<$type>> {
                if fail { Err(vec![$make]) } else { Ok(Some($make)) }
            }
            for fail in [false, true] {
                let (_, capsules) = audited(|| take(&$make, fail));
                let capsule = only(capsules);
                let text = format!("{capsule:?}");
                assert!(!text.contains("MARKER"), "{text}");
                assert_eq!(capsule.trigger.request, "[redacted]");
                let field = if fail { "outcome.error" } else { "outcome.result" };
                assert_eq!(
                    capsule.context.environment["capsules.redacted"],
                    json!(["trigger.request", field])
                );
            }
        }
    )*};
}

never_kept! {
    secrecy_string: secrecy::SecretString = SECRET.into();
    secrecy_box: secrecy::SecretBox<String> = secrecy::SecretBox::new(Box::new(SECRET.to_owned()));
    redact_secret: redact::Secret<String> = redact::Secret::new(SECRET.to_owned());
    secstr_string: secstr::SecUtf8 = SECRET.into();
    secstr_bytes: secstr::SecStr = SECRET.into();
    secure_string: secure_string::SecureString = SECRET.into();
    zeroizing: zeroize::Zeroizing<String> = SECRET.to_owned().into();
    our_own: Redacted<String> = SECRET.to_owned().into();
}

/// `SecureString` serialises as what it holds, and so does what it stands in.
#[test]
fn a_field_of_a_serialised_value_is_not_kept() {
    #[derive(serde::Serialize)]
    struct Login {
        user: &'static str,
        #[serde(serialize_with = "expose")]
        password: Redacted<String>,
        keys: Vec<secure_string::SecureString>,
    }
    fn expose<S: serde::Serializer>(secret: &Redacted<String>, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_newtype_struct("Exposed", secret)
    }
    #[audit(type = "auth")]
    fn login() -> Login {
        Login {
            user: "ann",
            password: Redacted::new(SECRET.to_owned()),
            keys: vec![SECRET.to_owned().into()],
        }
    }
    let (login, capsules) = audited(login);
    assert!(serde_json::to_string(&login.keys).unwrap().contains(SECRET));
    let capsule = only(capsules);
    assert_eq!(
        capsule.outcome.result,
        json!({"user": "ann", "password": "[redacted]", "keys": "[redacted]"})
    );
    assert_eq!(
        capsule.context.environment["capsules.redacted"],
        json!(["outcome.result"])
    );
}

#[test]
fn setters_keep_no_secret() {
    #[audit(type = "tool")]
    fn set() {
        let secret = secure_string::SecureString::from(SECRET);
        capsules::current()
            .environment("key", &secret)
            .resource("keys", [&secret]);
    }
    let ((), capsules) = audited(set);
    let capsule = only(capsules);
    assert_eq!(capsule.context.environment["key"], "[redacted]");
    assert_eq!(capsule.execution.resources_used["keys"], "[redacted]");
}
