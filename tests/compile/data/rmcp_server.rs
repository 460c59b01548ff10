//! A server of tools that are audited, in both orders of the two attributes.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{ServerCapabilities, ServerConfig};
use rmcp::{ServerHandler, ServiceExt, schemars, tool, tool_handler, tool_router};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Pair {
    left: i64,
    right: i64,
}

#[derive(Clone)]
struct Calculator;

#[tool_router]
impl Calculator {
    #[tool(description = "Adds two numbers")]
    #[capsules::audit(type = "tool", trigger_from = none)]
    async fn add(&self, Parameters(Pair { left, right }): Parameters<Pair>) -> String {
        capsules::current().summary(format!("{left} + {right}"));
        (left + right).to_string()
    }

    /// Subtracts two numbers
    #[capsules::audit(type = "tool", trigger_from = none)]
    #[tool]
    async fn subtract(&self, Parameters(Pair { left, right }): Parameters<Pair>) -> String {
        capsules::current().summary(format!("{left} - {right}"));
        (left - right).to_string()
    }

    #[tool(description = "Divides two numbers")]
    #[capsules::audit(type = "tool", trigger_from = none)]
    fn divide(&self, Parameters(Pair { left, right }): Parameters<Pair>) -> Result<String, String> {
        let quotient = left.checked_div(right).ok_or("division by zero")?;
        Ok(quotient.to_string())
    }

    /// Multiplies two numbers
    #[capsules::audit(type = "tool", trigger_from = none)]
    #[tool]
    fn multiply(&self, Parameters(Pair { left, right }): Parameters<Pair>) -> String {
        (left * right).to_string()
    }
}

#[tool_handler]
impl ServerHandler for Calculator {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stdio = (tokio::io::stdin(), tokio::io::stdout());
    Calculator.serve(stdio).await?.waiting().await?;
    Ok(())
}
