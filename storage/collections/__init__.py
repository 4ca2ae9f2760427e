"""What the rows of every resource share: pages, filters, owners, versions."""
