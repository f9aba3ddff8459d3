//! Where each cloud is managed: the names and URLs that the tools use.
//!
//! Source: Microsoft Learn, "National clouds" and "Azure Government developer guide"; the names of the
//! Azure CLI from `az cloud list`.

use super::Grant;
use crate::cloud::Cloud;

/// The names and URLs of one cloud.
pub(super) struct Management {
    /// The name in the Azure CLI and in the Az module of PowerShell.
    pub(super) name: &'static str,
    /// The name in the providers of Terraform.
    pub(super) terraform: &'static str,
    /// The URL of Azure Resource Manager.
    pub(super) arm: &'static str,
    /// The URL of Microsoft Graph.
    pub(super) graph: &'static str,
    /// The URL of the portal.
    pub(super) portal: &'static str,
}

impl Grant {
    /// Returns where the cloud of the grant is managed.
    pub(super) fn management(&self) -> Management {
        of(self.connection.cloud())
    }
}

fn of(cloud: &Cloud) -> Management {
    // The authority for the sign-in is not here: `cloud` has it, because stores need it too.
    match cloud {
        Cloud::UsGovernment => Management {
            name: "AzureUSGovernment",
            terraform: "usgovernment",
            arm: "https://management.usgovcloudapi.net",
            graph: "https://graph.microsoft.us",
            portal: "https://portal.azure.us",
        },
        Cloud::China => Management {
            name: "AzureChinaCloud",
            terraform: "china",
            arm: "https://management.chinacloudapi.cn",
            graph: "https://microsoftgraph.chinacloudapi.cn",
            portal: "https://portal.azure.cn",
        },
        // A custom endpoint is a private endpoint or a custom domain; both are managed in the public
        // cloud, because the connection names no other.
        Cloud::Public | Cloud::DnsZone(_) | Cloud::Custom(_) => Management {
            name: "AzureCloud",
            terraform: "public",
            arm: "https://management.azure.com",
            graph: "https://graph.microsoft.com",
            portal: "https://portal.azure.com",
        },
    }
}
