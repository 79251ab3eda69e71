"""Flight delays: will a flight from New York arrive more than 15 minutes late, asked three hours before departure?"""
