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

fn main() {
    let _ = (first, second, first::hygienic, second::hygienic);
}
