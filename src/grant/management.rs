//! Where each cloud is managed.

use crate::cloud::Cloud;

/// The names and addresses by which the tools know a cloud
pub(super) struct Management {
    /// For the Azure CLI and the Az module of PowerShell
    pub(super) name: &'static str,
    /// For Terraform's providers
    pub(super) terraform: &'static str,
    /// Azure Resource Manager
    pub(super) arm: &'static str,
    /// Microsoft Graph
    pub(super) graph: &'static str,
    /// The portal
    pub(super) portal: &'static str,
}

pub(super) fn of(cloud: &Cloud) -> Management {
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
        // An endpoint of one's own is a private one, or a custom domain, of the public cloud.
        Cloud::Public | Cloud::DnsZone(_) | Cloud::Custom(_) => Management {
            name: "AzureCloud",
            terraform: "public",
            arm: "https://management.azure.com",
            graph: "https://graph.microsoft.com",
            portal: "https://portal.azure.com",
        },
    }
}
