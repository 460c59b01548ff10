//! Functions that another macro writes.

macro_rules! tools {
    ($($name:ident($argument:ident)),*) => {$(
        #[capsules::audit(type = "tool", tenant_from = $argument)]
        fn $name($argument: &str) -> usize {
            $argument.len()
        }

        mod $name {
            #[capsules::audit(type = "tool")]
            pub(super) fn hygienic(parameter: &str) -> usize {
                parameter.len()
            }
        }
    )*};
}

tools!(first(text), second(text));

/// What is read as a whole comes to the attribute as one token.
macro_rules! whole {
    (body $visibility:vis fn $name:ident($pattern:pat => $type:ty) -> $output:ty $body:block) => {
        #[capsules::audit(type = "tool")]
        $visibility fn $name($pattern: $type) -> $output $body
    };
    ($function:item) => {
        #[capsules::audit(type = "tool")]
        $function
    };
}

whole! {
    body pub fn third((left, right) => (u8, u8)) -> Option<u8> {
        let sum = left.checked_add(right)?;
        Some(sum)
    }
}

whole! {
    async fn fourth(mut text: String) -> String {
        text.push('!');
        return text;
    }
}

fn main() {
    let _ = (third((1, 2)), fourth(String::new()));
    let _ = (first, second, first::hygienic, second::hygienic);
}
